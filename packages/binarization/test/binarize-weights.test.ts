import { describeBackends } from '@nncf/testing/backends';
import { withSharedVectors } from '@nncf/testing/shared-vectors';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { binarizeWeightsDorefa, binarizeWeightsXnor } from '../src/index.ts';
import { expectNear, numbers } from './arrays.ts';
import { signedMeans } from './reference.ts';

/** A filter a row. */
interface Vector {
  readonly filters: number[][];
  readonly xnor: number[][];
}

withSharedVectors<{ readonly binarization: readonly Vector[] }>(({ binarization: vectors }) => {
  describeBackends('the shared vectors', () => {
    it.each(vectors)('$filters', ({ filters, xnor }) => {
      const y = binarizeWeightsXnor(tf.transpose(tf.tensor2d(filters)));
      expect(numbers(tf.transpose(y))).toEqual(xnor.flat());
    });
  });
});

describeBackends('binarized weights', () => {
  it('are the sign times the mean of the filter, zero being negative', () => {
    const w = tf.tensor4d([1, -2, 0, -4, -2, 0, 5, 2], [2, 1, 2, 2]);
    expect(numbers(binarizeWeightsXnor(w))).toEqual([2, -2, -2, -2, -2, -2, 2, 2]);
    expect(numbers(binarizeWeightsDorefa(w))).toEqual([2, -2, -2, -2, -2, -2, 2, 2]);
    expect(numbers(binarizeWeightsDorefa(tf.tensor2d([[1, -2, 6]])))).toEqual([3, -3, 3]);
    expect(numbers(binarizeWeightsXnor(tf.tensor2d([[1, -2, 6]])))).toEqual([1, -2, 6]);
  });

  it('pass the gradient unchanged', () => {
    const w = tf.tensor2d([
      [0, -1e-30],
      [3, -0.5],
    ]);
    const g = tf.tensor2d([
      [1, -2],
      [3, 4],
    ]);
    for (const f of [binarizeWeightsXnor, binarizeWeightsDorefa])
      expect(numbers(tf.grad((x: tf.Tensor) => f(x))(w, g))).toEqual([1, -2, 3, 4]);
  });

  it('are those of the formula on random filters with zeros in them', () => {
    // Some processors take subnormal numbers for zero.
    const number = fc.float({ min: -4, max: 4, noNaN: true }).map((value) => (Math.abs(value) < 1e-30 ? 0 : value));
    const values = fc.array(number, { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(values, (w) => {
        tf.tidy(() => {
          const tensor = tf.tensor(w, [2, 2, 3, 5]);
          expectNear(numbers(binarizeWeightsXnor(tensor)), signedMeans(w, 5), 1e-6);
          expectNear(numbers(binarizeWeightsDorefa(tensor)), signedMeans(w, 1), 1e-6);
        });
      }),
      { numRuns: 20, seed: 1 },
    );
  });

  it('stay what they are when they are binarized again, up to the last bit of the mean', () => {
    const w = tf.randomNormal([3, 3, 8, 6], 0, 1, 'float32', 2);
    const once = binarizeWeightsXnor(w);
    expectNear(numbers(binarizeWeightsXnor(once)), numbers(once), 1e-6);
    expect(new Set(numbers(tf.abs(once)).map((value) => value.toPrecision(6))).size).toBeLessThanOrEqual(6);
  });

  it('are zeros where a filter is', () => {
    const w = tf.tensor2d([
      [0, 1],
      [0, -3],
    ]);
    expect(numbers(binarizeWeightsXnor(w))).toEqual([0, 2, 0, -2]);
  });
});
