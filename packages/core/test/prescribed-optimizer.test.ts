import { groupedOptimizer, type CompressionScheduler, type Hyperparameters } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';
import { constantScheduler } from '../src/algorithm/scheduler.ts';
import { prescribedOptimizer } from '../src/train/prescribed-optimizer.ts';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
const near = (tensor: tf.Tensor, expected: readonly number[]): void =>
  values(tensor).forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 5));

/** A schedule that prescribes what it is told. */
function schedule(first: Hyperparameters): { scheduler: CompressionScheduler; prescribe: (wish: Hyperparameters) => void } {
  let wish = first;
  return { scheduler: { ...constantScheduler, hyperparameters: () => wish }, prescribe: (next) => (wish = next) };
}

const OPTIMIZERS: Readonly<Record<string, () => tf.Optimizer>> = {
  sgd: () => tf.train.sgd(7),
  momentum: () => tf.train.momentum(7, 0.9),
  adam: () => tf.train.adam(7),
  rmsprop: () => tf.train.rmsprop(7),
  adagrad: () => tf.train.adagrad(7),
  adamax: () => tf.train.adamax(7),
};

describeBackends('prescribedOptimizer', () => {
  it.each(Object.keys(OPTIMIZERS))('sets the rate of %s at every step: as one that was made with it', (name) => {
    const make = OPTIMIZERS[name]!;
    const { scheduler, prescribe } = schedule({ learningRate: 0.1 });
    const [kernel, twin] = [tf.variable(tf.tensor2d([[1, -2]])), tf.variable(tf.tensor2d([[1, -2]]))];
    const [optimizer, other] = [prescribedOptimizer(make(), scheduler, [kernel]), make()];
    for (const rate of [0.1, 0.1, 0.02]) {
      prescribe({ learningRate: rate });
      if ('setLearningRate' in other && typeof other.setLearningRate === 'function') other.setLearningRate(rate);
      else Reflect.set(other, 'learningRate', rate);
      optimizer.minimize(() => tf.sum(tf.square(kernel)), false, [kernel]);
      other.minimize(() => tf.sum(tf.square(twin)), false, [twin]);
      expect(values(kernel)).toEqual(values(twin));
    }
    for (const each of [optimizer, other]) each.dispose();
  });

  it('adds the decay to the gradients of kernels alone, and leaves no tensor behind', () => {
    const { scheduler, prescribe } = schedule({ learningRate: 0.5, weightDecay: 0.1 });
    const [kernel, bias] = [tf.variable(tf.tensor2d([[1, -2]])), tf.variable(tf.tensor1d([3]))];
    const optimizer = prescribedOptimizer(tf.train.sgd(7), scheduler, [kernel]);
    const step = (): void => void optimizer.minimize(() => tf.add(tf.sum(kernel), tf.sum(bias)), false, [kernel, bias]);
    step();
    near(kernel, [1 - 0.5 * (1 + 0.1), -2 - 0.5 * (1 - 0.2)]);
    near(bias, [2.5]);
    const { numTensors } = tf.memory();
    prescribe({ learningRate: 0.5, weightDecay: 0 });
    step();
    near(kernel, [0.45 - 0.5, -2.4 - 0.5]);
    expect(tf.memory().numTensors).toBe(numTensors);
    optimizer.dispose();
  });

  it('goes on with its slots as if never stopped', async () => {
    const run = (start: readonly number[]): { weight: tf.Variable; optimizer: tf.Optimizer; step: () => void } => {
      const weight = tf.variable(tf.tensor2d([[...start]]));
      const grouped = groupedOptimizer(tf.train.adam(1), [], [weight]);
      const optimizer = prescribedOptimizer(grouped, schedule({ learningRate: 0.1, weightDecay: 0.01 }).scheduler, [weight]);
      return { weight, optimizer, step: () => void optimizer.minimize(() => tf.sum(tf.square(weight)), false, [weight]) };
    };
    const whole = run([1, 2]);
    whole.step();
    whole.step();
    const resumed = run(values(whole.weight));
    const slots = await whole.optimizer.getWeights();
    await resumed.optimizer.setWeights(slots.map(({ name, tensor }) => ({ name, tensor: tf.clone(tensor) })));
    expect(resumed.optimizer.iterations).toBe(whole.optimizer.iterations);
    whole.step();
    resumed.step();
    expect(values(resumed.weight)).toEqual(values(whole.weight));
  });

  it('is the inner optimizer itself when the schedule prescribes nothing', () => {
    const inner = tf.train.sgd(0.1);
    expect(prescribedOptimizer(inner, constantScheduler, [])).toBe(inner);
  });
});
