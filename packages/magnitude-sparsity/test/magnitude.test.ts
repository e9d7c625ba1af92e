import { magnitudeMask, magnitudeThreshold, type WeightImportance } from '@nncf/magnitude-sparsity';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';
import { conv1, conv2 } from './two-convolutions.ts';

const values = (mask: tf.Tensor): number[] => [...mask.dataSync()];

describeBackends('magnitude', () => {
  const norm1 = Math.sqrt(4 * 100 + 4 * 81);
  const norm2 = Math.sqrt(12 * 100 + 6 * 81);

  test.each<[WeightImportance, number, number]>([
    ['abs', 0.1, 9],
    ['abs', 0.5, 10],
    ['normed_abs', 0.1, 9 / norm2],
    ['normed_abs', 0.5, 10 / norm2],
    ['normed_abs', 0.75, 9 / norm1],
    ['normed_abs', 0.9, 10 / norm1],
  ])('threshold over both layers, %s at level %d', (importance, level, expected) => {
    expect(magnitudeThreshold([conv1(), conv2()], level, { importance })).toBeCloseTo(expected, 6);
  });

  test('one layer by itself', () => {
    expect(magnitudeThreshold(conv1(), 0.3)).toBeCloseTo(9 / norm1, 6);
    expect(magnitudeThreshold(conv2(), 0.3, { importance: 'abs' })).toBe(9);
  });

  test('masks of both layers at level 0.3', () => {
    const threshold = magnitudeThreshold([conv1(), conv2()], 0.3, { importance: 'abs' });
    const [mask1, mask2] = [conv1(), conv2()].map((weight) => magnitudeMask(weight, threshold, { importance: 'abs' }));
    expect(mask1?.shape).toEqual([2, 2, 1, 2]);
    expect(mask1?.dtype).toBe('float32');
    expect(values(mask1 as tf.Tensor)).toEqual([1, 1, 0, 0, 0, 0, 1, 1]);
    expect(values(mask2 as tf.Tensor)).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0].flatMap((kept) => [kept, kept]));
  });

  test('normed importance prunes where a layer is strong as a whole', () => {
    const threshold = magnitudeThreshold([conv1(), conv2()], 0.2);
    expect(values(magnitudeMask(conv1(), threshold))).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(values(magnitudeMask(conv2(), threshold))).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0].flatMap((kept) => [kept, kept]));
  });

  test.each<[WeightImportance, number, number[]]>([
    ['normed_abs', 10, [0, 0, 0, 0]],
    ['normed_abs', 9, [0, 0, 0, 0]],
    ['normed_abs', 0.5, [1, 0, 0, 1]],
    ['normed_abs', 0.4, [1, 1, 1, 1]],
    ['abs', 10, [0, 0, 0, 0]],
    ['abs', 9, [1, 0, 0, 1]],
    ['abs', 0.5, [1, 1, 1, 1]],
  ])('mask of one filter, %s above %d', (importance, threshold, expected) => {
    expect(values(magnitudeMask(tf.tensor2d([10, 9, 9, 10], [2, 2]), threshold, { importance }))).toEqual(expected);
  });

  test('the gradient passes where the mask is 1', () => {
    const weight = tf.tensor1d([3, -1, 0, -4]);
    const mask = magnitudeMask(weight, magnitudeThreshold(weight, 0.25));
    const gradient = tf.grad((w: tf.Tensor) => tf.sum(tf.mul(tf.mul(w, mask), tf.tensor1d([2, 3, 5, 7]))))(weight);
    expect(values(mask)).toEqual([1, 0, 0, 1]);
    expect(values(gradient)).toEqual([2, 0, 0, 7]);
  });
});

describeBackends('boundary cases', () => {
  const masked = (weights: number[], level: number, importance: WeightImportance): number[] => {
    const weight = tf.tensor1d(weights);
    return values(magnitudeMask(weight, magnitudeThreshold(weight, level, { importance }), { importance }));
  };

  test.each<WeightImportance>(['abs', 'normed_abs'])('%s', (importance) => {
    expect(masked([3, 0, -1, 0], 0, importance), 'level 0 prunes nothing, zeros included').toEqual([1, 1, 1, 1]);
    expect(masked([3, 0, -1, 2], 1, importance), 'level 1 prunes everything').toEqual([0, 0, 0, 0]);
    expect(masked([2, -2, 2, -2], 0, importance), 'equal weights at level 0').toEqual([1, 1, 1, 1]);
    expect(masked([2, -2, 2, -2], 0.01, importance), 'equal weights fall together').toEqual([0, 0, 0, 0]);
    expect(masked([1, -1, 1, 5], 0.25, importance), 'ties at the threshold fall together').toEqual([0, 0, 0, 1]);
    expect(masked([0, 0, 0], 0.5, importance), 'a layer of zeros has no norm').toEqual([0, 0, 0]);
    expect(masked([7], 0.5, importance), 'a single weight').toEqual([0]);
    expect(masked([], 0.5, importance), 'no weights').toEqual([]);
    expect(masked([1e-42, 3e-42, 2e-42, 4e-42], 0.5, 'abs'), 'denormal weights are in order').toEqual([0, 0, 0, 1]);
  });

  test('no layer at all has threshold 0', () => {
    expect(magnitudeThreshold([], 0.5)).toBe(0);
  });

  test('plain arrays count as layers', () => {
    expect(magnitudeThreshold([1, 2, 3, 4], 0.5, { importance: 'abs' })).toBe(3);
    expect(magnitudeThreshold([Float32Array.of(1, 2), [3, 4]], 0.5, { importance: 'abs' })).toBe(3);
  });

  test.each([-0.1, 1.1, Number.NaN])('level %d is refused', (level) => {
    expect(() => magnitudeThreshold([1], level)).toThrow(expect.objectContaining({ code: 'SPARSITY_LEVEL_INVALID' }));
  });

  test.each([Number.NaN, Infinity, -Infinity])('a weight of %d is refused', (weight) => {
    for (const importance of ['abs', 'normed_abs'] as const) {
      expect(() => magnitudeThreshold([1, weight], 0.5, { importance })).toThrow(expect.objectContaining({ code: 'WEIGHTS_NOT_FINITE' }));
    }
  });
});
