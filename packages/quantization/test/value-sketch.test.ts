import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FloatHistogram } from '../src/range/float-histogram.ts';
import { ValueSketch } from '../src/range/value-sketch.ts';

const RUNS = { numRuns: 200, seed: 5 };
const BITS = 6;
const value = fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.float({ min: -4, max: 4, noNaN: true }), fc.constant(0));
const values = fc.array(value, { minLength: 1, maxLength: 200 });

function sketchOf(data: readonly number[], exactValues: number): ValueSketch {
  const sketch = new ValueSketch({ exactValues, mantissaBits: BITS });
  for (let i = 0; i < data.length; i += 2) sketch.addAll(Float32Array.from(data.slice(i, i + 2)));
  return sketch;
}

describe('ValueSketch', () => {
  it('takes quantiles as numpy does', () => {
    const sketch = sketchOf([3, 1, 2, 10], 100);
    expect([0, 0.25, 0.5, 0.9, 1].map((q) => sketch.quantile(q))).toEqual([1, 1.75, 2.5, 7.9, 10].map((q) => expect.closeTo(q, 12)));
    expect(sketch.medianDeviation(2.5)).toBe(1);
    expect(new ValueSketch({ exactValues: 8, mantissaBits: BITS }).quantile(0.5)).toBeNaN();
  });

  it('is exact up to its limit, whatever the order', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (data, q) => {
        const sorted = data.toSorted((a, b) => a - b);
        const position = (sorted.length - 1) * q;
        const [at, next] = [sorted[Math.floor(position)]!, sorted[Math.ceil(position)]!];
        expect(sketchOf(data, 200).quantile(q)).toBeCloseTo(at + (position % 1) * (next - at), 4);
      }),
      { ...RUNS, examples: [[[0, 0, 5], 0.5]] },
    );
  });

  it('keeps within its relative error beyond the limit', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (data, q) => {
        const sorted = data.toSorted((a, b) => a - b);
        const rank = (sorted.length - 1) * q;
        const neighbours = [sorted[Math.floor(rank)]!, sorted[Math.ceil(rank)]!];
        const tolerance = 2 ** -BITS * Math.max(...neighbours.map(Math.abs)) + 2 ** -126;
        const off = Math.abs(sketchOf(data, 3).quantile(q) - sketchOf(data, 200).quantile(q));
        expect(off).toBeLessThanOrEqual(tolerance);
      }),
      RUNS,
    );
  });

  it('does not depend on the order of values beyond the limit', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (data, q) => {
        expect(sketchOf(data.toReversed(), 3).quantile(q)).toBe(sketchOf(data, 3).quantile(q));
      }),
      RUNS,
    );
  });

  it('keeps zeros exact among many', () => {
    const sketch = sketchOf([...Array.from({ length: 50 }, () => 0), -0, 1, 2, 3, -1], 3);
    expect(sketch.quantile(0.5)).toBe(0);
    expect(sketch.quantile(0)).toBe(-1);
    expect(sketch.quantile(1)).toBe(3);
  });
});

describe('FloatHistogram', () => {
  it('gives back every value in a bucket around it, in order', () => {
    fc.assert(
      fc.property(values, (data) => {
        const histogram = new FloatHistogram(BITS);
        histogram.addAll(Float32Array.from(data));
        const buckets = [...histogram.buckets()];
        expect(buckets.reduce((total, { count }) => total + count, 0)).toBe(data.length);
        for (const [i, { low, high }] of buckets.entries()) {
          expect(low).toBeLessThanOrEqual(high);
          expect(low).toBeGreaterThanOrEqual(buckets[i - 1]?.high ?? -Infinity);
          expect(data.some((each) => (each >= low && each <= high) || (Math.abs(each) < 2 ** -126 && low === 0))).toBe(true);
        }
      }),
      RUNS,
    );
  });
});
