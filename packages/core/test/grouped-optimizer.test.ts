import { groupedOptimizer } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

describeBackends('groupedOptimizer', () => {
  const setUp = (): { weight: tf.Variable; logits: tf.Variable; loss: () => tf.Scalar; optimizer: tf.Optimizer } => {
    const [weight, logits] = [tf.variable(tf.tensor1d([1, -2])), tf.variable(tf.tensor1d([3, 4]))];
    const loss = (): tf.Scalar => tf.add(tf.sum(tf.mul(weight, 10)), tf.sum(tf.mul(logits, [0.5, -7])));
    const optimizer = groupedOptimizer(tf.train.sgd(0.1), [{ name: 'logits', variable: logits, learningRate: 1e-3 }]);
    return { weight, logits, loss, optimizer };
  };

  it('steps each variable by the optimizer of its group', () => {
    const { weight, logits, loss, optimizer } = setUp();
    optimizer.minimize(loss);
    values(weight).forEach((value, i) => expect(value).toBeCloseTo([0, -3][i] as number, 5));
    values(logits).forEach((value, i) => expect(value).toBeCloseTo([3 - 1e-3, 4 + 1e-3][i] as number, 5));
    optimizer.minimize(loss, false, [weight]);
    values(weight).forEach((value, i) => expect(value).toBeCloseTo([-1, -4][i] as number, 5));
    values(logits).forEach((value, i) => expect(value).toBeCloseTo([3 - 1e-3, 4 + 1e-3][i] as number, 5));
    optimizer.dispose();
  });

  it('goes on with its slots as if never stopped', async () => {
    const whole = setUp();
    whole.optimizer.minimize(whole.loss);
    const stopped = setUp();
    stopped.optimizer.minimize(stopped.loss);
    const resumed = groupedOptimizer(tf.train.sgd(0.1), [{ name: 'logits', variable: stopped.logits, learningRate: 1e-3 }]);
    const slots = await stopped.optimizer.getWeights();
    await resumed.setWeights(slots.map(({ name, tensor }) => ({ name, tensor: tensor.clone() })));
    whole.optimizer.minimize(whole.loss);
    resumed.minimize(stopped.loss);
    expect(values(stopped.logits)).toEqual(values(whole.logits));
    expect(values(stopped.weight)).toEqual(values(whole.weight));
  });

  it('is the main optimizer itself when nothing wishes', () => {
    const main = tf.train.sgd(0.1);
    expect(groupedOptimizer(main, [{ name: 'scale', variable: tf.variable(tf.scalar(1)) }])).toBe(main);
  });
});
