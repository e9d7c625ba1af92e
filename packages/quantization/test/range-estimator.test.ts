import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { createRangeEstimator, type RangeEstimatorOptions } from '../src/range/estimator.ts';
import { expectNear, numbers, randomStream } from './arrays.ts';

const A = [
  [1, 2, 3],
  [-1, -2, -3],
  [4, 5, 6],
];
const B = [
  [4.5, 2.6, 3.7],
  [-1.3, -4, -3.5],
  [4.3, 5.8, 6.1],
];

/** Three standard deviations by the median absolute deviation, with NNCF's constant. */
const SPREAD = 3 * 1.482623;

/** Ranges of the batches as plain numbers. */
function rangeOf(options: RangeEstimatorOptions, batches: readonly tf.Tensor[]): { min: number[]; max: number[]; shape: number[] } {
  const estimator = createRangeEstimator(options);
  for (const batch of batches) estimator.update(batch);
  const { min, max } = estimator.range();
  expect(max.shape).toEqual(min.shape);
  return { min: numbers(min), max: numbers(max), shape: min.shape };
}

/** NNCF's own test data: one sample of 100 × 100 with channels n, −2n and 3n for n from 1 to 10,000, times `factor`. Channels last. */
function ramps(factor: number): tf.Tensor {
  const values = Float32Array.from({ length: 30000 }, (_, i) => factor * (Math.floor(i / 3) + 1) * [1, -2, 3][i % 3]!);
  return tf.tensor(values, [1, 100, 100, 3]);
}

describeBackends('createRangeEstimator', () => {
  const rows = [0];
  const columns = [-1];

  it.each<{ options: RangeEstimatorOptions; min: number[]; max: number[] }>([
    { options: { type: 'min_max' }, min: [-4], max: [6.1] },
    { options: { type: 'min_max', channelAxes: rows }, min: [1, -4, 4], max: [4.5, -1, 6.1] },
    { options: { type: 'min_max', channelAxes: columns }, min: [-1.3, -4, -3.5], max: [4.5, 5.8, 6.1] },
    { options: { type: 'min_max', channelAxes: rows, absoluteMax: true }, min: [1, -4, 4], max: [4.5, 4, 6.1] },
    { options: { type: 'mean_min_max' }, min: [-3.5], max: [6.05] },
    { options: { type: 'mean_min_max', channelAxes: rows }, min: [1.8, -3.5, 4.15], max: [3.75, -1.15, 6.05] },
    { options: { type: 'mean_min_max', channelAxes: rows, absoluteMax: true }, min: [1.8, -3.5, 4.15], max: [3.75, 3.5, 6.05] },
    { options: { type: 'mixed_min_max', weights: true }, min: [-4], max: [6.1] },
    { options: { type: 'mixed_min_max', channelAxes: columns }, min: [-1.3, -4, -3.5], max: [4.5, 5.8, 6.1] },
    { options: { type: 'mixed_min_max' }, min: [(1 - 3 + 4 + 2.6 - 4 + 4.3) / 6], max: [(3 - 1 + 6 + 4.5 - 1.3 + 6.1) / 6] },
    { options: { type: 'mixed_min_max', absoluteMax: true }, min: [-4], max: [(3 + 3 + 6 + 4.5 + 4 + 6.1) / 6] },
    {
      options: { type: 'mean_sample_min_max', absoluteMax: true },
      min: [(1 - 3 + 4 + 2.6 - 4 + 4.3) / 6],
      max: [(3 + 3 + 6 + 4.5 + 4 + 6.1) / 6],
    },
    { options: { type: 'mean_sample_min_max', weights: true }, min: [-4], max: [6.1] },
    { options: { type: 'threesigma' }, min: [2.8 - SPREAD * 2.6], max: [2.8 + SPREAD * 2.6] },
    {
      options: { type: 'threesigma', channelAxes: rows },
      min: [2.8 - SPREAD * 0.85, -2.5 - SPREAD * 1.1, 5.4 - SPREAD * 0.65],
      max: [2.8 + SPREAD * 0.85, -2.5 + SPREAD * 1.1, 5.4 + SPREAD * 0.65],
    },
    {
      options: { type: 'threesigma', channelAxes: columns },
      min: [2.5 - SPREAD * 1.9, 2.3 - SPREAD * 3.1, 3.35 - SPREAD * 2.7],
      max: [2.5 + SPREAD * 1.9, 2.3 + SPREAD * 3.1, 3.35 + SPREAD * 2.7],
    },
    { options: { type: 'percentile', minPercentile: 10, maxPercentile: 50 }, min: [-3.15], max: [2.8] },
    {
      options: { type: 'percentile', minPercentile: 10, maxPercentile: 100, channelAxes: rows },
      min: [1.5, -3.75, 4.15],
      max: [4.5, -1, 6.1],
    },
    { options: { type: 'mean_percentile', minPercentile: 10, maxPercentile: 100 }, min: [-2.9], max: [6.05] },
    {
      options: { type: 'mean_percentile', minPercentile: 10, maxPercentile: 100, channelAxes: columns },
      min: [-0.39, -1.94, -1.93],
      max: [4.25, 5.4, 6.05],
    },
  ])('takes two batches to the range of the table: $options', ({ options, min, max }) => {
    const range = rangeOf(options, [tf.tensor2d(A), tf.tensor2d(B)]);
    expectNear(range.min, min, 1e-6);
    expectNear(range.max, max, 1e-6);
    const axis = options.channelAxes?.[0];
    expect(range.shape).toEqual(axis === undefined ? [] : axis === 0 ? [3, 1] : [1, 3]);
  });

  it.each<{ options: RangeEstimatorOptions; min: number[]; max: number[] }>([
    { options: { type: 'min_max' }, min: [-40000], max: [60000] },
    { options: { type: 'mean_min_max' }, min: [-30000], max: [45000] },
    { options: { type: 'mixed_min_max' }, min: [-30000], max: [45000] },
    { options: { type: 'mean_min_max', channelAxes: [3] }, min: [1.5, -30000, 4.5], max: [15000, -3, 45000] },
    { options: { type: 'threesigma' }, min: [-42660.1367], max: [52662.1367] },
    {
      options: { type: 'threesigma', channelAxes: [3] },
      min: [-8159.4707, -42988.9414, -24478.4141],
      max: [21494.4707, 16318.9414, 64483.4141],
    },
    { options: { type: 'percentile', minPercentile: 32.1, maxPercentile: 67.89 }, min: [-988], max: [10734.6426] },
    {
      options: { type: 'percentile', minPercentile: 32.1, maxPercentile: 67.89, channelAxes: [3] },
      min: [4280.6792, -18108, 12842.0371],
      max: [9052.3213, -8564, 27156.9629],
    },
    { options: { type: 'mean_percentile' }, min: [-29910.0039], max: [44865.0078] },
    {
      options: { type: 'mean_percentile', channelAxes: [3] },
      min: [16.498, -29970, 49.496],
      max: [14985.002, -32.9961, 44955.0078],
    },
  ])('gives the figures of NNCF for two samples of ramps: $options', ({ options, min, max }) => {
    const range = rangeOf(options, [ramps(1), ramps(2)]);
    expectNear(range.min, min, 1e-5, 100);
    expectNear(range.max, max, 1e-5, 100);
  });

  it('finds the range of least error by channel over batches, symmetric where it must be', () => {
    const next = randomStream(7);
    const bell = Array.from({ length: 4000 }, () => Array.from({ length: 12 }, next).reduce((a, b) => a + b, -6));
    const x = tf.tensor2d([...bell, 20].map((value) => [value, 0.01 * value, 0]));
    const estimator = createRangeEstimator({ type: 'histogram', absoluteMax: true, levels: 16, channelAxes: [1] });
    for (const part of tf.split(x, [2000, 2001])) estimator.update(part);
    const { min, max } = estimator.range();
    const [wide = 0, narrow = 0, dead] = numbers(max);
    expect(wide / narrow).toBeCloseTo(100, 0);
    expect(wide).toBeLessThan(10);
    expect(dead).toBe(0);
    expectNear(numbers(min).slice(0, 2), [-wide, -narrow], 1e-5);
    expect(max.shape).toEqual([1, 3]);
  });

  it('interpolates percentiles of whole numbers', () => {
    const range = rangeOf({ type: 'percentile', minPercentile: 32.1, maxPercentile: 67.89 }, [tf.range(0, 10000)]);
    expectNear([...range.min, ...range.max], [0.321 * 9999, 0.6789 * 9999], 1e-6);
  });

  it('takes channels on two neighbouring axes, as of a depthwise filter', () => {
    const range = rangeOf({ type: 'min_max', channelAxes: [2, 3] }, [tf.tensor([1, 2, 3, 4, 5, 6, 7, -8], [2, 1, 2, 2])]);
    expect(range).toEqual({ min: [1, 2, 3, -8], max: [5, 6, 7, 4], shape: [1, 1, 2, 2] });
  });

  it('takes batches of different size', () => {
    const range = rangeOf({ type: 'min_max', channelAxes: [1] }, [tf.ones([4, 2]), tf.zeros([1, 2])]);
    expect(range).toEqual({ min: [0, 0], max: [1, 1], shape: [1, 2] });
  });

  it('drops zeros for three sigma, and gives a channel of zeros the range of zero', () => {
    const x = tf.tensor2d([0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0], [8, 2]);
    const range = rangeOf({ type: 'threesigma', channelAxes: [1] }, [x]);
    expectNear(range.min, [1.5 - SPREAD * 0.5, 0], 1e-6);
    expectNear(range.max, [1.5 + SPREAD * 0.5, 0], 1e-6);
  });

  it('leaves no tensor behind', () => {
    const x = tf.tensor2d(A);
    const before = tf.memory().numTensors;
    for (const type of ['min_max', 'threesigma', 'mean_percentile'] as const) {
      const estimator = createRangeEstimator({ type });
      estimator.update(x);
      tf.dispose([estimator.range().min, estimator.range().max]);
    }
    expect(tf.memory().numTensors).toBe(before + 6);
  });
});

describe('a range estimator', () => {
  it('says which quantizer has no data', () => {
    const estimator = createRangeEstimator({ type: 'min_max', name: 'the input of conv1' });
    estimator.update(tf.zeros([0, 3]));
    expect(() => estimator.range()).toThrow(/No values were collected for the input of conv1/);
    expect(() => estimator.range()).toThrow(expect.objectContaining({ code: 'RANGE_NO_DATA' }));
  });

  it.each([Number.NaN, Infinity, -Infinity])('does not make a range of %d', (value) => {
    for (const type of ['min_max', 'mean_min_max', 'mixed_min_max', 'threesigma', 'percentile', 'mean_percentile'] as const) {
      const estimator = createRangeEstimator({ type });
      estimator.update(tf.tensor1d([1, value, 2]));
      estimator.update(tf.tensor1d([1, 2, 3]));
      expect(() => estimator.range()).toThrow(expect.objectContaining({ code: 'RANGE_NOT_FINITE' }));
      expect(() => estimator.range()).toThrow(new RegExp(`contain ${value}`));
    }
  });

  it.each([
    { type: 'percentile', minPercentile: 60, maxPercentile: 40 },
    { type: 'percentile', minPercentile: -1 },
    { type: 'mean_percentile', maxPercentile: 101 },
    { type: 'percentile', minPercentile: Number.NaN },
  ] as const)('refuses %o', (options) => {
    expect(() => createRangeEstimator(options)).toThrow(expect.objectContaining({ code: 'RANGE_OPTIONS_INVALID' }));
  });

  it('refuses a type it does not know', () => {
    const options = JSON.parse('{"type": "min-max"}') as RangeEstimatorOptions;
    expect(() => createRangeEstimator(options)).toThrow(/unknown type "min-max", known are min_max/);
  });

  it('refuses axes the tensor has not, axes apart, and channels that change', () => {
    const invalid = expect.objectContaining({ code: 'RANGE_OPTIONS_INVALID' });
    expect(() => createRangeEstimator({ type: 'min_max', channelAxes: [2] }).update(tf.ones([2, 2]))).toThrow(invalid);
    expect(() => createRangeEstimator({ type: 'min_max', channelAxes: [0, 2] }).update(tf.ones([2, 2, 2]))).toThrow(invalid);
    const estimator = createRangeEstimator({ type: 'min_max', channelAxes: [-1] });
    estimator.update(tf.ones([2, 3]));
    expect(() => estimator.update(tf.ones([2, 4]))).toThrow(invalid);
  });

  it('stays near the exact figures when values outgrow its memory', () => {
    const random = randomStream(3);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const batches = Array.from({ length: 20 }, () =>
      tf.tensor(
        Float32Array.from({ length: 8000 }, () => normal() ** 3),
        [2000, 4],
      ),
    );
    for (const type of ['percentile', 'threesigma'] as const) {
      for (const channelAxes of [[], [1]]) {
        const exact = rangeOf({ type, channelAxes }, batches);
        const streamed = rangeOf({ type, channelAxes, exactValues: 5000 }, batches);
        const tolerance = channelAxes.length === 0 ? 2 ** -12 : 2 ** -8;
        expect(streamed.min).not.toEqual(exact.min);
        expectNear(streamed.min, exact.min, tolerance);
        expectNear(streamed.max, exact.max, tolerance);
      }
    }
  });
});
