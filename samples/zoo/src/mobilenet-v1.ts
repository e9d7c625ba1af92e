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
  const padding = options.padding === 'torch' ? 1 : 'same';
  const input = imageInput(inputShape);
  const stem = build.conv(input, 'stem', { filters: Math.round(32 * width), kernel: 3, stride: 2, padding });
  let x = normalized(build, stem, 'stem');
  BLOCKS.forEach(([channels, stride], index) => {
    x = separable(build, x, `block${index}`, { channels: Math.round(channels * width), stride, padding });
  });
  x = build.dropout(build.globalAveragePool(x, 'avgpool'), 'dropout', dropout);
  return tfl.model({ name: 'mobilenet_v1', inputs: input, outputs: build.dense(x, 'classifier', classes) });
}

interface BlockSpec {
  readonly channels: number;
  readonly stride: number;
  readonly padding: Padding;
}

function separable(build: Builder, input: tfl.SymbolicTensor, name: string, { channels, stride, padding }: BlockSpec): tfl.SymbolicTensor {
  const depthwise = build.depthwise(input, `${name}.depthwise`, { kernel: 3, stride, padding });
  const x = normalized(build, depthwise, `${name}.depthwise`);
  return normalized(build, build.conv(x, `${name}.pointwise`, { filters: channels, kernel: 1 }), `${name}.pointwise`);
}

function normalized(build: Builder, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  return build.relu6(build.batchNorm(x, `${name}.bn`, 1e-3), `${name}.relu6`);
}
