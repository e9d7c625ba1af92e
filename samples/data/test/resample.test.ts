import { describe, expect, it } from 'vitest';
import { resample } from '../src/detection/resample.ts';

describe('resample', () => {
  const grey = (values: readonly number[]): Uint8Array => Uint8Array.from(values.flatMap((value) => [value, value, value]));
  const red = (bytes: Uint8Array): number[] => [...bytes].filter((_, place) => place % 3 === 0);

  it('weighs neighbours by their distance from the centre', () => {
    // To half the size with 1, 3, 3, 1; at the edges with what there is: 3, 3, 1.
    expect(red(resample(grey([0, 0, 0, 0, 240, 240, 240, 240]), [1, 8], [1, 4]))).toEqual([0, 30, 210, 240]);
    expect(red(resample(grey([70, 0, 0, 0]), [4, 1], [2, 1]))).toEqual([30, 0]);
    // To twice the size with ¼ and ¾.
    expect(red(resample(grey([0, 100]), [1, 2], [1, 4]))).toEqual([0, 25, 75, 100]);
  });

  it('leaves a picture of the same size as it is, and grey grey', () => {
    const bytes = Uint8Array.from({ length: 3 * 35 }, (_, place) => (place * 37) % 256);
    expect(resample(bytes, [5, 7], [5, 7])).toEqual(bytes);
    expect(new Set(resample(new Uint8Array(3 * 35).fill(99), [5, 7], [3, 11]))).toEqual(new Set([99]));
  });

  it('keeps channels apart, and a slope a slope', () => {
    const slope = Uint8Array.from({ length: 3 * 40 }, (_, place) => (place % 3 === 1 ? 5 * Math.floor(place / 3) : 10 * (place % 3)));
    const scaled = resample(slope, [1, 40], [1, 30]);
    const inner = Array.from({ length: 26 }, (_, column) => column + 2);
    // The centre of pixel c lies at (c + ½) · 4/3 − ½ of the old pixels.
    inner.forEach((column) => expect(Math.abs(scaled[3 * column + 1]! - 5 * ((column + 0.5) * (4 / 3) - 0.5))).toBeLessThan(1));
    expect([scaled[0], scaled[2]]).toEqual([0, 20]);
  });
});
