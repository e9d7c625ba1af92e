import type * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** Pseudo-random numbers in [0, 1), the same on every run. */
export function randomStream(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Values of a tensor as plain numbers. */
export function numbers(x: tf.Tensor): number[] {
  return Array.from(x.dataSync());
}

/** Expects every number to be within `tolerance`, relative to the larger of the expected number and `unit`. */
export function expectNear(actual: readonly number[], expected: readonly number[], tolerance = 1e-5, unit = 1e-30): void {
  expect(actual.length).toBe(expected.length);
  const wrong = expected.flatMap((value, i) => {
    const off = Math.abs((actual[i] ?? Number.NaN) - value);
    return off <= tolerance * Math.max(Math.abs(value), unit) ? [] : [`[${i}] ${actual[i]} instead of ${value}`];
  });
  expect(wrong.slice(0, 5)).toEqual([]);
}

/** Position in a parameter of shape `parameterShape` that belongs to position `index` of a tensor of `shape`. */
export function parameterIndex(index: number, shape: readonly number[], parameterShape: readonly number[]): number {
  let rest = index;
  let found = 0;
  let stride = 1;
  for (let axis = shape.length - 1, own = parameterShape.length - 1; own >= 0; axis--, own--) {
    const coordinate = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
    if (parameterShape[own] !== 1) found += coordinate * stride;
    stride *= parameterShape[own]!;
  }
  return found;
}
