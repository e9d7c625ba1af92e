import { describeBackends } from '@nncf/testing/backends';
import { relu6 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, it } from 'vitest';
import { quantize, type QuantizeOptions } from '../src/index.ts';
import { stretchFactors } from '../src/post-training/stretch-channels.ts';
import { expectNear, numbers } from './arrays.ts';

describe('stretch factors', () => {
  it.each([
    ['shares of the loudest peak, none below 1/32', [8, 4, 0.01, 0], [1, 0.5, 1 / 32, 1 / 32]],
    ['nothing where all is silent', [0, 0], [1, 1]],
  ])('%s', (_name, peaks, expected) => {
    expect([...stretchFactors(Float32Array.from(peaks))]).toEqual(expected);
  });
});

const drawn = (seed: number): ReturnType<typeof tfl.initializers.randomNormal> => tfl.initializers.randomNormal({ stddev: 0.3, seed });

/** A convolution whose channels are of very different loudness, an activation, a depthwise convolution, and one that adds its channels up. */
function separable(activation: 'relu' | 'relu6'): tfl.LayersModel {
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({ inputShape: [6, 6, 2], filters: 4, kernelSize: 3, name: 'first', kernelInitializer: drawn(1) }),
      activation === 'relu' ? tfl.layers.reLU({ name: 'act' }) : relu6({ name: 'act' }),
      tfl.layers.depthwiseConv2d({ kernelSize: 3, name: 'depthwise', depthwiseInitializer: drawn(2) }),
      tfl.layers.conv2d({ filters: 3, kernelSize: 1, name: 'last', kernelInitializer: drawn(3) }),
    ],
  });
  const [first, depthwise] = [model.getLayer('first'), model.getLayer('depthwise')];
  const loudness = tf.tensor1d([6, 0.4, 0.5, 2]);
  const [kernel, bias] = first.getWeights() as [tf.Tensor, tf.Tensor];
  first.setWeights([tf.mul(kernel, loudness), tf.add(bias, tf.mul(loudness, 0.1))]);
  const [own, ownBias] = depthwise.getWeights() as [tf.Tensor, tf.Tensor];
  depthwise.setWeights([tf.div(own, tf.reshape(loudness, [1, 1, 4, 1])), ownBias]);
  return model;
}

const pictures = (): tf.Tensor4D => tf.randomNormal([16, 6, 6, 2], 0, 1, 'float32', 4);
const answers = (model: tfl.LayersModel, x: tf.Tensor): number[] => numbers(model.predict(x) as tf.Tensor);
const FOUR_BITS: QuantizeOptions = {
  biasCorrection: false,
  activationRange: { type: 'min_max' },
  config: { weights: { bits: 16 }, scope_overrides: { activations: { '{re}depthwise': { bits: 4 }, '{re}first|last': { bits: 16 } } } },
};

describeBackends('channels in front of a depthwise convolution', () => {
  it.each(['relu', 'relu6'] as const)('behind %s are equally loud, and the network computes the same', async (activation) => {
    const model = separable(activation);
    const x = pictures();
    const expected = answers(model, x);
    const { algorithm, report } = await quantize(model, [x], FOUR_BITS);
    algorithm.remove();
    expect(report.stretched).toEqual(['first/Conv2D_0']);
    expectNear(answers(model, x), expected, 1e-5, 1);
    const inner = tfl.model({ inputs: model.inputs, outputs: model.getLayer('act').output as tfl.SymbolicTensor });
    const peaks = numbers(tf.max(tf.reshape(inner.predict(x) as tf.Tensor, [-1, 4]), 0));
    expectNear(peaks, Array<number>(4).fill(Math.max(...peaks)), 1e-5);
  });

  it('are rounded on one grid as finely as with a grid for each', async () => {
    const x = pictures();
    const expected = answers(separable('relu6'), x);
    const error = async (options: QuantizeOptions): Promise<number> => {
      const model = separable('relu6');
      const { algorithm } = await quantize(model, [x], options);
      const found = answers(model, x);
      algorithm.remove();
      return found.reduce((sum, y, i) => sum + (y - expected[i]!) ** 2, 0);
    };
    const channelwise = {
      ...FOUR_BITS.config,
      scope_overrides: { activations: { '{re}depthwise': { bits: 4, per_channel: true }, '{re}first|last': { bits: 16 } } },
    };
    const [stretched, plain, each] = [
      await error(FOUR_BITS),
      await error({ ...FOUR_BITS, stretchChannels: false }),
      await error({ ...FOUR_BITS, stretchChannels: false, config: channelwise }),
    ];
    expect(stretched).toBeLessThan(0.2 * plain);
    expect(stretched / each).toBeGreaterThan(0.5);
    expect(stretched / each).toBeLessThan(2);
  });

  it('stay as they are where something else reads them too', async () => {
    const input = tfl.input({ shape: [6, 6, 2] });
    const first = tfl.layers.conv2d({ filters: 2, kernelSize: 1, name: 'first', activation: 'relu', kernelInitializer: drawn(5) });
    const x = first.apply(input) as tfl.SymbolicTensor;
    const y = tfl.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', name: 'depthwise' }).apply(x) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: tfl.layers.add({ name: 'sum' }).apply([x, y]) as tfl.SymbolicTensor });
    const { algorithm, report } = await quantize(model, [pictures()]);
    algorithm.remove();
    expect(report.stretched).toEqual([]);
  });
});
