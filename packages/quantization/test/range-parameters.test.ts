import { availableBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Range } from '../src/range/estimator.ts';
import { asymmetricParameters, type RangePurpose, symmetricParameters } from '../src/range/parameters.ts';
import { expectNear, numbers } from './arrays.ts';

beforeAll(async () => {
  await tf.setBackend(availableBackends[0]!);
});

function rangeOf(min: number[], max: number[]): Range {
  return { min: tf.tensor(min, [1, min.length]), max: tf.tensor(max, [1, max.length]) };
}

describe('symmetricParameters', () => {
  it.each<{ purpose: RangePurpose; min: number[]; max: number[]; scale: number[]; signed: boolean }>([
    { purpose: 'training', min: [0, 1], max: [3, 5], scale: [3, 5], signed: false },
    { purpose: 'training', min: [-7, 0], max: [3, 5], scale: [7, 5], signed: true },
    // A dead channel gets a hundredth of the widest.
    { purpose: 'training', min: [0, -40], max: [0, 5], scale: [0.4, 40], signed: true },
    { purpose: 'training', min: [0, -0.05], max: [0, 0.02], scale: [0.1, 0.1], signed: true },
    { purpose: 'post_training', min: [0, -0.05], max: [0, 0.02], scale: [0.0005, 0.05], signed: true },
    { purpose: 'post_training', min: [0, 0], max: [0, 0], scale: [8e-5, 8e-5], signed: false },
  ])('takes [$min] to [$max] for $purpose to $scale', ({ purpose, min, max, scale, signed }) => {
    const parameters = symmetricParameters(rangeOf(min, max), purpose);
    expectNear(numbers(parameters.scale), scale, 1e-6);
    expect(parameters.scale.shape).toEqual([1, 2]);
    expect(parameters.signed).toBe(signed);
  });

  it('lets the sign be forced', () => {
    expect(symmetricParameters(rangeOf([-1], [1]), 'training', false).signed).toBe(false);
    expect(symmetricParameters(rangeOf([0], [1]), 'training', true).signed).toBe(true);
  });

  it('keeps a scalar a scalar', () => {
    const range = { min: tf.scalar(-3), max: tf.scalar(2) };
    expect(symmetricParameters(range, 'training').scale.shape).toEqual([]);
    expect(asymmetricParameters(range, 'training').inputLow.shape).toEqual([]);
  });
});

describe('asymmetricParameters', () => {
  it.each<{ purpose: RangePurpose; min: number[]; max: number[]; low: number[]; width: number[] }>([
    { purpose: 'training', min: [1, -20000], max: [10000, -2], low: [1, -20000], width: [9999, 19998] },
    // The second channel is 0.5 wide and must be 1: a quarter more on each side.
    { purpose: 'training', min: [-60, 2], max: [40, 2.5], low: [-60, 1.75], width: [100, 1] },
    { purpose: 'training', min: [0, 0], max: [0, 0], low: [0, 0], width: [0, 0] },
    { purpose: 'post_training', min: [-60, 2], max: [40, 2.5], low: [-60, 0], width: [100, 2.5] },
    { purpose: 'post_training', min: [0, -1], max: [0, -0.9998], low: [-8e-4, -1.0008], width: [1.6e-3, 1.0008] },
  ])('takes [$min] to [$max] for $purpose to $low + $width', ({ purpose, min, max, low, width }) => {
    const parameters = asymmetricParameters(rangeOf(min, max), purpose);
    expectNear(numbers(parameters.inputLow), low, 1e-6);
    expectNear(numbers(parameters.inputRange), width, 1e-6);
    expect(parameters.inputRange.shape).toEqual([1, 2]);
  });
});
