import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { binarizeActivations } from '../src/index.ts';
import { expectNear, numbers } from './arrays.ts';
import { binarized, gradientAt } from './reference.ts';

/** Gradients by all three operands. */
function gradients(x: tf.Tensor, s: tf.Tensor, t: tf.Tensor, g: tf.Tensor): [dx: number[], ds: number[], dt: number[]] {
  const [dx, ds, dt] = tf.grads((x, s, t) => binarizeActivations(x!, s!, t!))([x, s, t], g);
  expect([dx!.shape, ds!.shape, dt!.shape]).toEqual([x.shape, s.shape, t.shape]);
  return [numbers(dx!), numbers(ds!), numbers(dt!)];
}

describeBackends('binarized activations', () => {
  it('are s above t·s and 0 below, the limit itself being below', () => {
    // s = 2, t = 1/4: the limit is 1/2 exactly.
    const x = tf.tensor1d([-3, -0, 0, 0.25, 0.5, 0.5000001, 1, 2, 2.5]);
    expect(numbers(binarizeActivations(x, tf.scalar(2), tf.scalar(0.25)))).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2]);
  });

  it('have the gradients of the table, at zero, at the limit and at the scale', () => {
    const x = tf.tensor1d([-3, 0, 0.25, 0.5, 1, 2, 2.5]);
    const g = tf.tensor1d([1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
    const [dx, ds, dt] = gradients(x, tf.scalar(2), tf.scalar(0.25), g);
    // dx passes where 0 ≤ x ≤ 2.
    expect(dx).toEqual([0, 10, 100, 1000, 10_000, 100_000, 0]);
    // (y − x)/s: 3/2, 0, −1/8, −1/4, 1/2, 0; and 1 above the scale.
    expect(ds).toEqual([1.5 - 12.5 - 250 + 5000 + 1_000_000]);
    // Strictly between 0 and 2: 0.25, 0.5 and 1.
    expect(dt).toEqual([-11_100]);
  });

  it('take thresholds by channel, and sum gradients by channel', () => {
    const x = tf.tensor4d([0.2, 0.2, 0.6, 0.6, 1, 0, -1, 3], [2, 2, 1, 2]);
    const [s, t] = [tf.tensor1d([1]), tf.tensor([0.1, 0.5], [1, 1, 1, 2])];
    expect(numbers(binarizeActivations(x, s, t))).toEqual([1, 0, 1, 1, 1, 0, 0, 1]);
    const [dx, ds, dt] = gradients(x, s, t, tf.onesLike(x));
    expect(dx).toEqual([1, 1, 1, 1, 1, 1, 0, 0]);
    expectNear(ds, [0.8 - 0.2 + 0.4 + 0.4 + 0 + 0 + 1 + 1], 1e-6);
    expect(dt).toEqual([-2, -2]);
  });

  it.each([
    { shape: [7, 3, 5, 6], threshold: [6], s: 0.75 },
    { shape: [2, 9, 4, 64], threshold: [1, 1, 1, 64], s: 1.5 },
    { shape: [4, 100], threshold: [], s: 0.5 },
    { shape: [4, 6, 5], threshold: [4, 1, 1], s: 1 },
    { shape: [3, 3, 2, 1], threshold: [1], s: 2 },
    { shape: [130, 3], threshold: [3], s: 0.25 },
  ])('are those of the closed form on $shape with thresholds $threshold, zeros and limits among the values', ({ shape, threshold, s }) => {
    const size = tf.util.sizeFromShape(threshold);
    const t = Float32Array.from({ length: size }, (_, c) => (c + 1) / (size + 1));
    const values = Float32Array.from(tf.randomNormal(shape, 0.3, 0.8, 'float32', 3).dataSync());
    const channel = (i: number): number => (threshold[0] === 4 ? Math.floor(i / 30) : i % size);
    // Every few values stand on one of the places where the formulas change.
    values.forEach((_, i) => {
      const special = [0, Math.fround(t[channel(i)]! * s), s, -0];
      if (i % 3 === 0) values[i] = special[(i / 3) % special.length]!;
    });
    const g = Float32Array.from(values, (_, i) => Math.sin(i));
    const [x, scale, limits] = [tf.tensor(values, shape), tf.scalar(s), tf.tensor(t, threshold)];
    expect(numbers(binarizeActivations(x, scale, limits))).toEqual(Array.from(values, (value, i) => binarized(value, s, t[channel(i)]!)));
    const [dx, ds, dt] = gradients(x, scale, limits, tf.tensor(g, shape));
    const exact = Array.from(values, (value, i) => gradientAt(value, g[i]!, s, t[channel(i)]!));
    expect(dx).toEqual(exact.map((each) => each.dx));
    expectNear(ds, [exact.reduce((sum, each) => sum + each.ds, 0)], 2e-5);
    const byChannel = Array.from({ length: size }, (_, c) => exact.reduce((sum, each, i) => sum + (channel(i) === c ? each.dt : 0), 0));
    expectNear(dt, byChannel, 1e-5);
  });

  it('have two values, and change nothing when they are binarized again', () => {
    const number = fc.float({ min: -2, max: 2, noNaN: true });
    const positive = fc.float({ min: Math.fround(0.1), max: 3, noNaN: true });
    const share = fc.float({ min: Math.fround(0.01), max: Math.fround(0.99), noNaN: true });
    fc.assert(
      fc.property(fc.array(number, { minLength: 1, maxLength: 40 }), positive, share, (x, s, t) => {
        tf.tidy(() => {
          const [scale, threshold] = [tf.scalar(s), tf.scalar(t)];
          const y = binarizeActivations(tf.tensor1d(x), scale, threshold);
          expect(numbers(y).every((value) => value === 0 || value === Math.fround(s))).toBe(true);
          expect(numbers(binarizeActivations(y, scale, threshold))).toEqual(numbers(y));
        });
      }),
      { numRuns: 30, seed: 2 },
    );
  });

  it('refuse what does not fit', () => {
    const x = tf.zeros([2, 4]);
    const refused = expect.objectContaining({ code: 'SHAPE_MISMATCH' }) as Error;
    expect(() => binarizeActivations(x, tf.ones([2]), tf.scalar(0.5))).toThrow(refused);
    expect(() => binarizeActivations(x, tf.scalar(1), tf.ones([3]))).toThrow(refused);
    expect(() => binarizeActivations(x, tf.scalar(1), tf.ones([1, 2, 4]))).toThrow(refused);
  });

  it('leave no tensor behind', () => {
    const [x, s, t] = [tf.randomNormal([4, 8]), tf.scalar(1), tf.fill([8], 0.5)];
    const before = tf.memory().numTensors;
    tf.dispose(tf.grads((x, s, t) => binarizeActivations(x!, s!, t!))([x, s, t], x));
    expect(tf.memory().numTensors).toBe(before);
  });
});
