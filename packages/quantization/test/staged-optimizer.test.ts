import { createCompressionAlgorithm, registerAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import { smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantization } from '../src/quantization.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerAlgorithm(quantization);
});

type Algo = ModelCompression<tfl.LayersModel>;

/** Every optimizer of TensorFlow.js. */
const OPTIMIZERS: readonly (readonly [string, (rate: number) => tf.Optimizer])[] = [
  ['sgd', (rate) => tf.train.sgd(rate)],
  ['momentum', (rate) => tf.train.momentum(rate, 0.9)],
  ['rmsprop', (rate) => tf.train.rmsprop(rate)],
  ['adam', (rate) => tf.train.adam(rate)],
  ['adamax', (rate) => tf.train.adamax(rate)],
  ['adagrad', (rate) => tf.train.adagrad(rate)],
  ['adadelta', (rate) => tf.train.adadelta(rate)],
];

const BASE = { rate: 0.02, decay: 0.5 };
const PARAMS = {
  activations_quant_start_epoch: 2,
  weights_quant_start_epoch: 4,
  base_lr: BASE.rate,
  base_wd: BASE.decay,
  lr_poly_drop_start_epoch: 10,
  lr_poly_drop_duration_epochs: 10,
  disable_wd_start_epoch: 12,
};

async function compressed(params: JsonObject, epoch: number): Promise<Algo> {
  const model = smallSequential() as tfl.LayersModel;
  const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', params } });
  await algo.initialize([tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 7)]);
  algo.scheduler.epochStep(epoch);
  return algo;
}

const lossOf = (algo: Algo): tf.Scalar =>
  tf.mean(tf.square(algo.model.apply(tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 8)) as tf.Tensor)) as tf.Scalar;
const weightsOf = (algo: Algo): number[] => algo.model.getWeights().flatMap((weight) => [...weight.dataSync()]);

/** Weights after steps of a plain optimizer at a rate, with λ·w in the gradients of kernels. */
async function byHand(make: (rate: number) => tf.Optimizer, epoch: number, rate: number, decay: number): Promise<number[]> {
  const algo = await compressed(PARAMS, epoch);
  const optimizer = make(rate);
  for (let step = 0; step < 2; step++) {
    tf.tidy(() => {
      const { grads } = tf.variableGrads(() => lossOf(algo));
      const variables = tf.engine().registeredVariables;
      const kernels = new Set(algo.model.trainableWeights.filter(({ shape }) => shape.length > 1).map((weight) => weight.read().id));
      const decayed = Object.entries(grads).map(([name, tensor]) => {
        const variable = variables[name]!;
        return { name, tensor: kernels.has(variable.id) ? tf.add(tensor, tf.mul(variable, decay)) : tensor };
      });
      optimizer.applyGradients(decayed);
    });
  }
  const weights = weightsOf(algo);
  algo.remove();
  algo.model.dispose();
  return weights;
}

describe('staged quantization', () => {
  it.each(OPTIMIZERS)('has %s step at the rate and the weight decay of its epoch', async (_name, make) => {
    for (const [epoch, rate, decay] of [
      [0, BASE.rate, BASE.decay],
      [11, BASE.rate * 0.9 ** 2.1, BASE.decay],
      [15, BASE.rate * 0.5 ** 2.1, 0],
      [20, 0, 0],
    ] as const) {
      const algo = await compressed(PARAMS, epoch);
      const before = weightsOf(algo);
      const optimizer = algo.optimizer(make(123));
      for (let step = 0; step < 2; step++) optimizer.minimize(() => lossOf(algo));
      const after = weightsOf(algo);
      algo.remove();
      algo.model.dispose();
      const expected = await byHand(make, epoch, rate, decay);
      after.forEach((value, i) => expect(value).toBeCloseTo(expected[i] ?? Number.NaN, 6));
      expect(after.some((value, i) => value !== before[i])).toBe(rate !== 0);
    }
  });

  it('leaves the optimizer its own rate and decay where the configuration does not speak of them', async () => {
    const algo = await compressed({ activations_quant_start_epoch: 1 }, 3);
    expect(algo.scheduler.hyperparameters?.()).toBeUndefined();
    const before = weightsOf(algo);
    algo.optimizer(tf.train.sgd(0)).minimize(() => lossOf(algo));
    expect(weightsOf(algo)).toEqual(before);
    algo.remove();
    const decaying = await compressed({ base_wd: 0.1, disable_wd_start_epoch: 2 }, 1);
    expect(decaying.scheduler.hyperparameters?.()).toEqual({ weightDecay: 0.1 });
    decaying.scheduler.epochStep();
    expect(decaying.scheduler.hyperparameters?.()).toEqual({ weightDecay: 0 });
    decaying.remove();
    const dropping = await compressed({ lr_poly_drop_start_epoch: 0, lr_poly_drop_duration_epochs: 2 }, 1);
    expect(dropping.scheduler.hyperparameters?.()?.learningRate).toBeCloseTo(1e-3 * 0.5 ** 2.1, 12);
    dropping.remove();
  });

  it('goes on at the same rate from a checkpoint', async () => {
    const first = await compressed(PARAMS, 15);
    const state = first.state();
    const expected = first.scheduler.hyperparameters?.();
    first.remove();
    const second = await compressed(PARAMS, 0);
    second.loadState(state);
    expect(second.scheduler.hyperparameters?.()).toEqual(expected);
    second.remove();
  });
});
