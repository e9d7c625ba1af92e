import type * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** Values of a tensor as plain numbers; −0 is 0. */
export function numbers(x: tf.Tensor): number[] {
  return Array.from(x.dataSync(), (value) => value + 0);
}

/** Expects every number to be within `tolerance`, relative to the larger of the expected number and 1. */
export function expectNear(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  const wrong = expected.flatMap((value, i) => {
    const off = Math.abs((actual[i] ?? Number.NaN) - value);
    return off <= tolerance * Math.max(Math.abs(value), 1) ? [] : [`[${i}] ${actual[i]} instead of ${value}`];
  });
  expect(wrong.slice(0, 5)).toEqual([]);
}
