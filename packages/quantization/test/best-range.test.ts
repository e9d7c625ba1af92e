import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestRange, type BestRangeOptions, type Interval } from '../src/range/best-range.ts';
import { channelExtremes } from '../src/range/extremes.ts';
import { FloatHistogram } from '../src/range/float-histogram.ts';
import { randomStream } from './arrays.ts';

const RUNS = { numRuns: 100, seed: 3 };

function rangeOf(data: readonly number[], options: BestRangeOptions): Interval | undefined {
  const histogram = new FloatHistogram(12);
  histogram.addAll(Float32Array.from(data));
  return bestRange(histogram, options);
}

/** Mean squared error of rounding to `levels` even points, written out. */
function roundingError(data: readonly number[], { low, high }: Interval, levels: number): number {
  const step = (high - low) / (levels - 1);
  const round = (x: number): number => low + Math.round((Math.min(Math.max(x, low), high) - low) / step) * step;
  return data.reduce((sum, x) => sum + (x - round(x)) ** 2, 0) / data.length;
}

/** Normal values by the sum of twelve uniform ones, with an outlier. */
function bell(count: number, outlier: number): number[] {
  const next = randomStream(7);
  return [...Array.from({ length: count }, () => Array.from({ length: 12 }, next).reduce((a, b) => a + b, -6)), outlier];
}

describe('the range of least squared error', () => {
  it('keeps all of what is spread evenly, and cuts off a lone outlier', () => {
    const even = Array.from({ length: 1001 }, (_, i) => (i - 500) / 500);
    expect(rangeOf(even, { levels: 256, symmetric: true })?.high).toBeGreaterThan(0.97);
    const cut = rangeOf(bell(20_000, 30), { levels: 16, symmetric: true });
    // 2.55 standard deviations are best for a normal distribution in 4 bits (arXiv 1810.05723, table 1).
    expect(cut?.high).toBeLessThan(2.8);
    expect(cut?.high).toBeGreaterThan(2.4);
  });

  it('begins at zero where nothing is below, and has two ends of its own where it may', () => {
    expect(rangeOf([0, 0, 1, 2, 3], { levels: 16, symmetric: true })).toMatchObject({ low: 0 });
    const skewed = rangeOf([...bell(20_000, 0).map((x) => x + 3), -40], { levels: 16, symmetric: false });
    expect(skewed?.low).toBeGreaterThan(-10);
    expect(skewed?.high).toBeGreaterThan(5);
    expect(rangeOf([], { levels: 16, symmetric: true })).toBeUndefined();
  });

  it('rounds normal values with outliers far better than their extremes do, nearly as well as any range', () => {
    const data = bell(20_000, 60);
    const best = rangeOf(data, { levels: 16, symmetric: true }) as Interval;
    const error = roundingError(data, best, 16);
    expect(error).toBeLessThan(0.2 * roundingError(data, { low: -60, high: 60 }, 16));
    const others = Array.from({ length: 60 }, (_, i) => roundingError(data, { low: -1 - i, high: 1 + i }, 16));
    expect(error).toBeLessThan(1.25 * Math.min(...others));
  });

  it('never leaves the values, and takes zero in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -8, max: 8, noNaN: true }), { minLength: 1, maxLength: 60 }),
        fc.boolean(),
        (data, symmetric) => {
          const { low, high } = rangeOf(data, { levels: 16, symmetric }) as Interval;
          const reach = 1.001 * Math.max(...data.map(Math.abs)) + 1e-30;
          expect(low).toBeLessThanOrEqual(0);
          expect(high).toBeGreaterThanOrEqual(0);
          expect(Math.max(-low, high)).toBeLessThanOrEqual(reach);
        },
      ),
      RUNS,
    );
  });
});

describe('extremes by channel', () => {
  it('are those of a loop over all values, NaN where there is one', () => {
    const value = fc.oneof({ weight: 20, arbitrary: fc.float({ noNaN: true }) }, { weight: 1, arbitrary: fc.constant(Number.NaN) });
    const sizes = fc.record({
      outer: fc.integer({ min: 1, max: 3 }),
      channels: fc.integer({ min: 1, max: 4 }),
      inner: fc.integer({ min: 1, max: 3 }),
    });
    const cases = sizes.chain((view) =>
      fc.record({
        view: fc.constant(view),
        data: fc.array(value, { minLength: view.outer * view.channels * view.inner, maxLength: view.outer * view.channels * view.inner }),
        absolute: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(cases, ({ view, data, absolute }) => {
        const { min, max } = channelExtremes(Float32Array.from(data), view, absolute);
        for (let channel = 0; channel < view.channels; channel++) {
          const own = data.filter((_, i) => Math.floor(i / view.inner) % view.channels === channel);
          expect(min[channel]! + 0).toBe(Math.min(...own) + 0);
          expect(max[channel]! + 0).toBe(Math.max(...own.map((x) => (absolute ? Math.abs(x) : x))) + 0);
        }
      }),
      RUNS,
    );
  });
});
