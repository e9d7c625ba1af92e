import { logisticNoise } from '@nncf/rb-sparsity';
import { expect, test } from 'vitest';

test('stays within the logits of 1e-6 and 1 − 1e-6', () => {
  const bound = Math.log((1 - 1e-6) / 1e-6);
  expect(logisticNoise(500_000, 3).every((noise) => Math.abs(noise) <= Math.fround(bound) + 1e-5)).toBe(true);
});

test('has the mean 0 and the variance π²/3 of the logistic distribution', () => {
  const noise = logisticNoise(400_000, 11);
  const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
  const variance = noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length;
  expect(Math.abs(mean)).toBeLessThan(0.012);
  expect(Math.abs(variance - Math.PI ** 2 / 3)).toBeLessThan(0.04);
});

test('deciles of u are even, neighbours and neighbouring seeds are not alike', () => {
  const uniform = (seed: number): number[] => [...logisticNoise(100_000, seed)].map((noise) => 1 / (1 + Math.exp(-noise)));
  const [first, second] = [uniform(1), uniform(2)];
  for (let decile = 0; decile < 10; decile++) {
    const count = first.filter((u) => Math.floor(u * 10) === decile).length;
    expect(Math.abs(count - 10_000)).toBeLessThan(400);
  }
  const correlation = (a: number[], b: number[]): number =>
    (12 * a.reduce((sum, u, i) => sum + (u - 0.5) * ((b[i] as number) - 0.5), 0)) / a.length;
  expect(Math.abs(correlation(first, second))).toBeLessThan(0.015);
  expect(Math.abs(correlation(first, [...first.slice(1), 0.5]))).toBeLessThan(0.015);
});

test('seeds are integers of 32 bits; 0 is one of them', () => {
  expect(logisticNoise(4, 0)).toEqual(logisticNoise(4, 2 ** 32));
  expect(new Set(logisticNoise(1000, 0)).size).toBeGreaterThan(990);
  expect(logisticNoise(0, 1)).toHaveLength(0);
});
