import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, divisibleBy8, imageInput, type Builder, type ConvSpec, type ModelOptions, type Padding } from './builder.ts';

/** What MobileNet-v2 can be asked for. */
export interface MobileNetV2Options extends ModelOptions {
  /** `cifar`: stride 1 in the stem and in the second stage, so that 32 × 32 pixels end as 4 × 4. @default 'imagenet' */
  readonly variant?: 'imagenet' | 'cifar';
  /** `torch`: one zero on every side, as in the published PyTorch weights; `same`: TensorFlow's. They differ at stride 2. @default 'torch' */
  readonly padding?: 'torch' | 'same';
  /** Without it the convolutions have biases: for weights whose batch normalization was folded. @default true */
  readonly batchNorm?: boolean;
  /** Dropout before the classifier. @default 0 */
  readonly dropout?: number;
}

interface Stage {
  readonly expansion: number;
  readonly channels: number;
  readonly blocks: number;
  readonly stride: number;
}

/** Table 2 of the paper. */
const STAGES: readonly Stage[] = [
  { expansion: 1, channels: 16, blocks: 1, stride: 1 },
  { expansion: 6, channels: 24, blocks: 2, stride: 2 },
  { expansion: 6, channels: 32, blocks: 3, stride: 2 },
  { expansion: 6, channels: 64, blocks: 4, stride: 2 },
  { expansion: 6, channels: 96, blocks: 3, stride: 1 },
  { expansion: 6, channels: 160, blocks: 3, stride: 2 },
  { expansion: 6, channels: 320, blocks: 1, stride: 1 },
];

/** Adds convolution, batch normalization (or bias) and, unless linear, ReLU6. */
interface Units {
  readonly build: Builder;
  readonly padding: Padding;
  conv(x: tfl.SymbolicTensor, name: string, spec: ConvSpec, linear?: boolean): tfl.SymbolicTensor;
  depthwise(x: tfl.SymbolicTensor, name: string, stride: number): tfl.SymbolicTensor;
}

/**
 * MobileNet-v2 (Sandler et al. 2018, arXiv 1801.04381): 3.50 million parameters and 301 million multiply-adds at width 1
 * and 224 × 224 pixels. Layers: `stem`, `block0` … `block16` with `expand`, `depthwise`, `project`, `head`, `classifier`.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes, or 32 × 32 × 3 and 10, unless told otherwise
 */
export function mobileNetV2(options: MobileNetV2Options = {}): tfl.LayersModel {
  const cifar = options.variant === 'cifar';
  const { inputShape = cifar ? [32, 32, 3] : [224, 224, 3], classes = cifar ? 10 : 1000, width = 1, dropout = 0 } = options;
  const units = createUnits(options);
  const input = imageInput(inputShape);
  let x = units.conv(input, 'stem', {
    filters: divisibleBy8(32 * width),
    kernel: 3,
    stride: cifar ? 1 : 2,
    padding: units.padding,
  });
  x = stages(units, x, width, cifar);
  x = units.conv(x, 'head', { filters: divisibleBy8(1280 * Math.max(1, width)), kernel: 1 });
  x = units.build.dropout(units.build.globalAveragePool(x, 'avgpool'), 'dropout', dropout);
  return tfl.model({
    name: 'mobilenet_v2',
    inputs: input,
    outputs: units.build.dense(x, 'classifier', classes),
  });
}

function stages(units: Units, input: tfl.SymbolicTensor, width: number, cifar: boolean): tfl.SymbolicTensor {
  let x = input;
  let index = 0;
  STAGES.forEach((stage, place) => {
    const stride = cifar && place === 1 ? 1 : stage.stride;
    for (let block = 0; block < stage.blocks; block++) {
      x = invertedResidual(units, x, `block${index++}`, {
        ...stage,
        channels: divisibleBy8(stage.channels * width),
        stride: block === 0 ? stride : 1,
      });
    }
  });
  return x;
}

function invertedResidual(units: Units, input: tfl.SymbolicTensor, name: string, stage: Stage): tfl.SymbolicTensor {
  const channels = input.shape.at(-1) ?? 0;
  let x = input;
  if (stage.expansion > 1) x = units.conv(x, `${name}.expand`, { filters: channels * stage.expansion, kernel: 1 });
  x = units.depthwise(x, `${name}.depthwise`, stage.stride);
  x = units.conv(x, `${name}.project`, { filters: stage.channels, kernel: 1 }, true);
  const residual = stage.stride === 1 && channels === stage.channels;
  return residual ? units.build.add([input, x], `${name}.add`) : x;
}

function createUnits(options: MobileNetV2Options): Units {
  const build = createBuilder(options);
  const bias = options.batchNorm === false;
  const padding = options.padding === 'same' ? 'same' : 1;
  const normalized = (x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor => (bias ? x : build.batchNorm(x, `${name}.bn`));
  return {
    build,
    padding,
    conv: (x, name, spec, linear = false) => {
      const y = normalized(build.conv(x, name, { ...spec, bias }), name);
      return linear ? y : build.relu6(y, `${name}.relu6`);
    },
    depthwise: (x, name, stride) =>
      build.relu6(normalized(build.depthwise(x, name, { kernel: 3, stride, padding, bias }), name), `${name}.relu6`),
  };
}
