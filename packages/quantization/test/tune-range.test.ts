import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { tuneRange } from '../src/tune-range.ts';
import { expectNear, numbers } from './arrays.ts';
import { tunedGridOf } from './reference.ts';

const number = (x: tf.Tensor): number => x.dataSync()[0]!;

describeBackends('tuneRange', () => {
  it.each([
    { low: -1, range: 3, levels: 256, zeroPoint: 85, tunedLow: -1, tunedRange: 3 },
    { low: -0.3, range: 1, levels: 256, zeroPoint: 76, tunedLow: -0.3, tunedRange: 1.00657895 },
    { low: -3.7, range: 9.1, levels: 16, zeroPoint: 6, tunedLow: -3.7, tunedRange: 9.25 },
    { low: 0.5, range: 1, levels: 256, zeroPoint: 0, tunedLow: 0, tunedRange: 1.5 },
    { low: -3, range: 1, levels: 256, zeroPoint: 255, tunedLow: -3, tunedRange: 3 },
    { low: 0, range: 1, levels: 4, zeroPoint: 0, tunedLow: 0, tunedRange: 1 },
    // 0.9·3/1 rounds to level 3, the highest; then only the upper end could move, and does not have to.
    { low: -0.9, range: 1, levels: 4, zeroPoint: 3, tunedLow: -0.9, tunedRange: 1 },
    // 0.75·15/1.125 is level 10 exactly, so nothing moves.
    { low: -0.75, range: 1.125, levels: 16, zeroPoint: 10, tunedLow: -0.75, tunedRange: 1.125 },
  ])('takes [$low, +$range] with $levels levels to zero point $zeroPoint', ({ low, range, levels, ...expected }) => {
    const tuned = tuneRange(tf.scalar(low), tf.scalar(range), levels);
    expect(number(tuned.zeroPoint)).toBe(expected.zeroPoint);
    expectNear([number(tuned.low), number(tuned.range)], [expected.tunedLow, expected.tunedRange], 1e-6, 1);
  });

  it('treats every channel for itself', () => {
    const [low, range] = [tf.tensor([-1, -0.3, 0.5], [1, 3]), tf.tensor([3, 1, 1], [1, 3])];
    const tuned = tuneRange(low, range, 256);
    expectNear(numbers(tuned.low), [-1, -0.3, 0], 1e-6, 1);
    expectNear(numbers(tuned.range), [3, 1.00657895, 1.5], 1e-6);
    expect(numbers(tuned.zeroPoint)).toEqual([85, 76, 0]);
    expect([tuned.low.shape, tuned.range.shape, tuned.zeroPoint.shape]).toEqual([
      [1, 3],
      [1, 3],
      [1, 3],
    ]);
  });

  it('passes gradients through as they are', () => {
    const inputs = [tf.tensor1d([-0.3, 0.5]), tf.tensor1d([1, 2])];
    const weighted = (low: tf.Tensor, range: tf.Tensor): tf.Scalar => {
      const tuned = tuneRange(low, range, 256);
      const terms = tf.addN([tf.mul(tuned.low, [2, 3]), tf.mul(tuned.range, [5, 7]), tf.mul(tuned.zeroPoint, 11)]);
      return tf.sum(terms) as tf.Scalar;
    };
    const gradients = tf.grads((low, range) => weighted(low!, range!))(inputs);
    expect(gradients.map(numbers)).toEqual([
      [2, 3],
      [5, 7],
    ]);
  });

  it('only ever widens, and puts zero on a whole level', () => {
    const real = fc.double({ min: -100, max: 100, noNaN: true }).map(Math.fround);
    const width = fc.double({ min: 1e-2, max: 100, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(real, width, fc.integer({ min: 4, max: 1024 }), (low, range, levels) => {
        const tuned = tuneRange(tf.scalar(low), tf.scalar(range), levels);
        const [start, extent] = [number(tuned.low), number(tuned.range)];
        const slack = 1e-5 * (Math.abs(low) + range);
        expect(start).toBeLessThanOrEqual(Math.min(low, 0) + slack);
        expect(start + extent).toBeGreaterThanOrEqual(Math.max(low + range, 0) - slack);
        const level = (-start * (levels - 1)) / extent;
        expect(Math.abs(level - number(tuned.zeroPoint))).toBeLessThan(1e-5 * levels + 1e-3);
      }),
      { numRuns: 100, seed: 11 },
    );
  });

  it('agrees with double precision', () => {
    const real = fc.double({ min: -10, max: 10, noNaN: true }).map(Math.fround);
    const width = fc.double({ min: 0.5, max: 10, noNaN: true }).map(Math.fround);
    fc.assert(
      fc.property(real, width, fc.constantFrom(4, 16, 256), (low, range, levels) => {
        const reference = tunedGridOf(low, range, levels);
        const exact = (-Math.min(low, 0) * (levels - 1)) / (Math.max(low + range, 0) - Math.min(low, 0));
        fc.pre(Math.abs(exact - Math.floor(exact) - 0.5) > 1e-3);
        const tuned = tuneRange(tf.scalar(low), tf.scalar(range), levels);
        expect(number(tuned.zeroPoint)).toBe(reference.zeroPoint + 0);
        expectNear([number(tuned.low), number(tuned.range)], [reference.low, reference.range], 1e-5, 1);
      }),
      { numRuns: 100, seed: 13 },
    );
  });
});
