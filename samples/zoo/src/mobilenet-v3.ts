import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, divisibleBy8, imageInput, type Builder, type ModelOptions } from './builder.ts';
import { invertedResidual, type SqueezeSpec } from './inverted-residual.ts';

/** What MobileNet-v3 can be asked for. */
export interface MobileNetV3Options extends ModelOptions {
  /** Dropout before the classifier; the published network has 0.2. @default 0 */
  readonly dropout?: number;
}

type Nonlinearity = 'RE' | 'HS';
type Row = readonly [kernel: number, expanded: number, channels: number, squeeze: boolean, activation: Nonlinearity, stride: number];

interface Variant {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Channels of the last convolution, and units of the hidden dense layer. */
  readonly head: number;
  readonly hidden: number;
}

/** Table 1 of the paper. */
const LARGE: Variant = {
  name: 'mobilenet_v3_large',
  rows: [
    [3, 16, 16, false, 'RE', 1],
    [3, 64, 24, false, 'RE', 2],
    [3, 72, 24, false, 'RE', 1],
    [5, 72, 40, true, 'RE', 2],
    [5, 120, 40, true, 'RE', 1],
    [5, 120, 40, true, 'RE', 1],
    [3, 240, 80, false, 'HS', 2],
    [3, 200, 80, false, 'HS', 1],
    [3, 184, 80, false, 'HS', 1],
    [3, 184, 80, false, 'HS', 1],
    [3, 480, 112, true, 'HS', 1],
    [3, 672, 112, true, 'HS', 1],
    [5, 672, 160, true, 'HS', 2],
    [5, 960, 160, true, 'HS', 1],
    [5, 960, 160, true, 'HS', 1],
  ],
  head: 960,
  hidden: 1280,
};

/** Table 2 of the paper. */
const SMALL: Variant = {
  name: 'mobilenet_v3_small',
  rows: [
    [3, 16, 16, true, 'RE', 2],
    [3, 72, 24, false, 'RE', 2],
    [3, 88, 24, false, 'RE', 1],
    [5, 96, 40, true, 'HS', 2],
    [5, 240, 40, true, 'HS', 1],
    [5, 240, 40, true, 'HS', 1],
    [5, 120, 48, true, 'HS', 1],
    [5, 144, 48, true, 'HS', 1],
    [5, 288, 96, true, 'HS', 2],
    [5, 576, 96, true, 'HS', 1],
    [5, 576, 96, true, 'HS', 1],
  ],
  head: 576,
  hidden: 1024,
};

const EPSILON = 1e-3;

/** MobileNet-v3-large (Howard et al. 2019, arXiv 1905.02244): 5.48 million parameters, 217 million multiply-adds at 224 × 224. */
export function mobileNetV3Large(options: MobileNetV3Options = {}): tfl.LayersModel {
  return mobileNetV3(LARGE, options);
}

/** MobileNet-v3-small: 2.54 million parameters, 56.5 million multiply-adds at 224 × 224. */
export function mobileNetV3Small(options: MobileNetV3Options = {}): tfl.LayersModel {
  return mobileNetV3(SMALL, options);
}

/**
 * MobileNet-v3 as torchvision has it. Layers: `stem`, `block0` … with `expand`, `depthwise`, `se.reduce`, `se.expand`, `project`, `head`,
 * `hidden`, `classifier`.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes unless told otherwise
 */
function mobileNetV3({ name, rows, head, hidden }: Variant, options: MobileNetV3Options): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1, dropout = 0 } = options;
  const build = createBuilder(options);
  const wide = (channels: number): number => divisibleBy8(channels * width);
  const input = imageInput(inputShape);
  let x = hardSwished(build, build.conv(input, 'stem', { filters: wide(16), kernel: 3, stride: 2, padding: 1 }), 'stem');
  rows.forEach((row, index) => {
    x = block(build, x, `block${index}`, row, wide);
  });
  x = hardSwished(build, build.conv(x, 'head', { filters: wide(head), kernel: 1 }), 'head');
  x = build.dense(build.globalAveragePool(x, 'avgpool'), 'hidden', wide(hidden));
  x = build.dropout(build.activation(x, 'hidden.act', 'hardSwish'), 'dropout', dropout);
  return tfl.model({ name, inputs: input, outputs: build.dense(x, 'classifier', classes) });
}

function block(build: Builder, x: tfl.SymbolicTensor, name: string, row: Row, wide: (channels: number) => number): tfl.SymbolicTensor {
  const [kernel, expanded, channels, isSqueezed, nonlinearity, stride] = row;
  const middle = wide(expanded);
  const squeeze: SqueezeSpec = { channels: divisibleBy8(Math.floor(middle / 4)), activation: 'relu', gate: 'hardSigmoid' };
  return invertedResidual(build, x, name, {
    kernel,
    stride,
    expanded: middle,
    channels: wide(channels),
    activation: nonlinearity === 'RE' ? 'relu' : 'hardSwish',
    squeeze: isSqueezed ? squeeze : undefined,
    epsilon: EPSILON,
  });
}

function hardSwished(build: Builder, x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor {
  return build.activation(build.batchNorm(x, `${name}.bn`, EPSILON), `${name}.act`, 'hardSwish');
}
