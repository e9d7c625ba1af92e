import { applyRbMask, INITIAL_LOGIT, logisticNoise } from '@nncf/rb-sparsity';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const slope = (x: number): number => sigmoid(x) * (1 - sigmoid(x));

function expectClose(actual: tf.Tensor | undefined, expected: readonly number[], digits = 5): void {
  const figures = values(actual as tf.Tensor);
  expect(figures).toHaveLength(expected.length);
  figures.forEach((value, index) => expect(value, `entry ${index}`).toBeCloseTo(expected[index] as number, digits));
}

describeBackends('evaluation', () => {
  const weight = (): tf.Tensor1D => tf.tensor1d([0.1, 0.5, 0.3, 0.9]);
  const logits = (): tf.Tensor1D => tf.tensor1d([-1, 1, -1, 1]);

  test('weights behind gates above 0 remain', () => {
    expectClose(applyRbMask(weight(), logits()), [0, 0.5, 0, 0.9]);
    expectClose(applyRbMask(weight(), logits(), { training: false, seed: 7 }), [0, 0.5, 0, 0.9]);
  });

  test.each([
    [INITIAL_LOGIT, 1],
    [0.3, 1],
    [0, 0],
    [-0.3, 0],
  ])('logit %d gives %d', (logit, expected) => {
    expect(values(applyRbMask(tf.scalar(1), tf.scalar(logit)))).toEqual([expected]);
    expect(values(applyRbMask(tf.scalar(1), tf.scalar(logit), { training: true, frozen: true }))).toEqual([expected]);
  });

  test('any shape, also with zeros in the weight', () => {
    const masked = applyRbMask(tf.tensor4d([0, 2, -3, 0], [1, 2, 2, 1]), tf.tensor4d([1, 1, -1, -1], [1, 2, 2, 1]));
    expect(masked.shape).toEqual([1, 2, 2, 1]);
    expect(values(masked).map((value) => value + 0)).toEqual([0, 2, 0, 0]);
  });

  test('another shape is refused', () => {
    expect(() => applyRbMask(weight(), tf.ones([2, 2]))).toThrow(expect.objectContaining({ code: 'SHAPE_MISMATCH' }));
  });

  test('gradients: the gate for the weight, straight through for the logits', () => {
    const [w, s, g] = [
      [2, 0, -3, 4],
      [1, 2, -0.5, 0],
      [1, 2, 3, -1],
    ] as const;
    const loss = (weights: tf.Tensor, gates: tf.Tensor): tf.Tensor => tf.sum(tf.mul(applyRbMask(weights, gates), tf.tensor1d([...g])));
    const [dWeight, dLogits] = tf.grads(loss)([tf.tensor1d([...w]), tf.tensor1d([...s])]);
    expectClose(dWeight, [1, 2, 0, 0]);
    expectClose(
      dLogits,
      w.map((weightValue, i) => g[i]! * weightValue * slope(s[i]!)),
    );
  });

  test('frozen gates give no gradient to their logits', () => {
    const loss = (weights: tf.Tensor, gates: tf.Tensor): tf.Tensor =>
      tf.sum(tf.add(applyRbMask(weights, gates, { training: true, frozen: true }), tf.mul(gates, 0)));
    const [dWeight, dLogits] = tf.grads(loss)([weight(), logits()]);
    expectClose(dWeight, [0, 1, 0, 1]);
    expectClose(dLogits, [0, 0, 0, 0]);
  });
});

describeBackends('training', () => {
  test('the gate is [s + noise > 0], its gradients take the same noise', () => {
    const [w, s, seed] = [[1, -2, 3, -4, 0, 6], [0.5, -0.5, 0, 2, 1, -3], 1234] as const;
    const shifted = [...logisticNoise(6, seed)].map((noise, i) => s[i]! + noise);
    const loss = (weights: tf.Tensor, gates: tf.Tensor): tf.Tensor =>
      tf.sum(tf.mul(applyRbMask(weights, gates, { training: true, seed }), [1, 2, 3, 4, 5, 6]));
    const [dWeight, dLogits] = tf.grads(loss)([tf.tensor1d([...w]), tf.tensor1d([...s])]);
    const gates = shifted.map((x) => (x > 0 ? 1 : 0));
    expectClose(
      applyRbMask(tf.tensor1d([...w]), tf.tensor1d([...s]), { training: true, seed }),
      w.map((value, i) => value * gates[i]!),
    );
    expectClose(
      dWeight,
      gates.map((gate, i) => gate * (i + 1)),
    );
    expectClose(
      dLogits,
      w.map((value, i) => (i + 1) * value * slope(shifted[i]!)),
    );
  });

  test('one seed, one draw', () => {
    const draw = (seed?: number): number[] => values(applyRbMask(tf.ones([200]), tf.zeros([200]), { training: true, seed }));
    expect(draw(5)).toEqual(draw(5));
    expect(draw(5)).not.toEqual(draw(6));
    expect(draw()).not.toEqual(draw());
  });

  test.each([-2, 0, 1, INITIAL_LOGIT])('a gate of logit %d is open with probability σ(s)', (logit) => {
    const count = 40_000;
    const open = tf.sum(applyRbMask(tf.ones([count]), tf.fill([count], logit), { training: true, seed: 99 })).dataSync()[0] as number;
    const [mean, deviation] = [count * sigmoid(logit), Math.sqrt(count * slope(logit))];
    expect(Math.abs(open - mean)).toBeLessThan(4 * deviation);
  });

  test('leaves no tensors behind', () => {
    const [w, s] = [tf.ones([8]), tf.ones([8])];
    const before = tf.memory().numTensors;
    for (const options of [{}, { training: true, seed: 1 }, { frozen: true }]) applyRbMask(w, s, options).dispose();
    tf.dispose(tf.valueAndGrads((a: tf.Tensor, b: tf.Tensor) => tf.sum(applyRbMask(a, b, { training: true, seed: 1 })))([w, s]));
    expect(tf.memory().numTensors).toBe(before);
  });
});
