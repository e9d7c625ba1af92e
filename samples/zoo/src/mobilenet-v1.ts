import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions, type Padding } from './builder.ts';

/** What MobileNet v1 can be asked for. */
export interface MobileNetV1Options extends ModelOptions {
  /** `same`: TensorFlow's, as published; `torch`: one zero on every side. They differ at stride 2. @default 'same' */
  readonly padding?: 'torch' | 'same';
  /** Dropout before the classifier; the published network has 0.001. @default 0 */
  readonly dropout?: number;
}

/** Channels and stride of the depthwise separable convolutions: table 1 of the paper. */
const BLOCKS: readonly (readonly [channels: number, stride: number])[] = [
  [64, 1],
  [128, 2],
  [128, 1],
  [256, 2],
  [256, 1],
  [512, 2],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [512, 1],
  [1024, 2],
  [1024, 1],
];

/**
 * MobileNet (Howard et al. 2017, arXiv 1704.04861): 4.23 million parameters and 569 million multiply-adds at width 1 and 224 × 224
 * pixels. Layers: `stem`, `block0` … `block12` with `depthwise` and `pointwise`, `classifier`.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes unless told otherwise
 */
export function mobileNetV1(options: MobileNetV1Options = {}): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1, dropout = 0 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const features = mobileNetV1Blocks(build, input, { width, padding: options.padding === 'torch' ? 1 : 'same' }).at(-1)!;
  const x = build.dropout(build.globalAveragePool(features, 'avgpool'), 'dropout', dropout);
  return tfl.model({ name: 'mobilenet_v1', inputs: input, outputs: build.dense(x, 'classifier', classes) });
}

/** How the convolutions of MobileNet v1 are built. */
interface BlocksSpec {
  readonly width: number;
  readonly padding: Padding;
  /** Without it convolutions have biases. @default true */
  readonly batchNorm?: boolean;
}

/** The convolutions of MobileNet v1: outputs of its thirteen blocks, with strides 2 (`block0`), 4, 4, 8, 8, 16 (six of them), 32, 32. */
export function mobileNetV1Blocks(build: Builder, input: tfl.SymbolicTensor, spec: BlocksSpec): tfl.SymbolicTensor[] {
  const { width, padding, batchNorm = true } = spec;
  const stem = build.conv(input, 'stem', { filters: Math.round(32 * width), kernel: 3, stride: 2, padding, bias: !batchNorm });
  let x = activated(build, stem, 'stem', batchNorm);
  return BLOCKS.map(([channels, stride], index) => {
    x = separable(build, x, `block${index}`, { channels: Math.round(channels * width), stride, padding, batchNorm });
    return x;
  });
}

interface BlockSpec {
  readonly channels: number;
  readonly stride: number;
  readonly padding: Padding;
  readonly batchNorm: boolean;
}

function separable(build: Builder, input: tfl.SymbolicTensor, name: string, spec: BlockSpec): tfl.SymbolicTensor {
  const { channels, stride, padding, batchNorm } = spec;
  const depthwise = build.depthwise(input, `${name}.depthwise`, { kernel: 3, stride, padding, bias: !batchNorm });
  const x = activated(build, depthwise, `${name}.depthwise`, batchNorm);
  const pointwise = build.conv(x, `${name}.pointwise`, { filters: channels, kernel: 1, bias: !batchNorm });
  return activated(build, pointwise, `${name}.pointwise`, batchNorm);
}

function activated(build: Builder, x: tfl.SymbolicTensor, name: string, batchNorm: boolean): tfl.SymbolicTensor {
  return build.relu6(batchNorm ? build.batchNorm(x, `${name}.bn`, 1e-3) : x, `${name}.relu6`);
}
