import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder, type ModelOptions } from './builder.ts';

/** What SqueezeNet can be asked for. */
export interface SqueezeNetOptions extends ModelOptions {
  /** Dropout before the last convolution; the publication has 0.5. @default 0 */
  readonly dropout?: number;
}

/** Channels of the squeeze convolutions of `fire2` … `fire9`; each of the two expansions has four times as many. */
const SQUEEZE = [16, 16, 32, 32, 48, 48, 64, 64];

/**
 * SqueezeNet 1.1 (Iandola et al. 2016, arXiv 1602.07360, in its later, cheaper form): 1.235 million parameters, 0.35 billion
 * multiply-adds. Layers: `conv1`, `fire2` … `fire9` with `squeeze`, `expand1x1`, `expand3x3`, `conv10`.
 * @returns model with outputs `[batch, classes]`, none of them negative (the last convolution has a ReLU too); input
 * 224 × 224 × 3 and 1000 classes unless told otherwise
 */
export function squeezeNet11(options: SqueezeNetOptions = {}): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1, dropout = 0 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const filters = Math.round(64 * width);
  let x = build.conv(input, 'conv1', {
    filters,
    kernel: 3,
    stride: 2,
    padding: 'valid',
    bias: true,
    activation: 'relu',
  });
  x = build.maxPool(x, 'pool1', 3, 2);
  SQUEEZE.forEach((squeeze, place) => {
    x = fire(build, x, `fire${place + 2}`, Math.round(squeeze * width));
    if (place === 1 || place === 3) x = build.maxPool(x, `pool${place + 2}`, 3, 2);
  });
  x = build.dropout(x, 'dropout', dropout);
  x = build.conv(x, 'conv10', { filters: classes, kernel: 1, bias: true, activation: 'relu' });
  return tfl.model({
    name: 'squeezenet1_1',
    inputs: input,
    outputs: build.globalAveragePool(x, 'avgpool'),
  });
}

function fire(build: Builder, input: tfl.SymbolicTensor, name: string, squeeze: number): tfl.SymbolicTensor {
  const unit = { bias: true, activation: 'relu' } as const;
  const x = build.conv(input, `${name}.squeeze`, { ...unit, filters: squeeze, kernel: 1 });
  const small = build.conv(x, `${name}.expand1x1`, { ...unit, filters: 4 * squeeze, kernel: 1 });
  const large = build.conv(x, `${name}.expand3x3`, {
    ...unit,
    filters: 4 * squeeze,
    kernel: 3,
    padding: 1,
  });
  return build.concat([small, large], `${name}.concat`);
}
