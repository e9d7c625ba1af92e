import { magnitudeThreshold } from '@nncf/magnitude-sparsity';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { magnitudeMaskData } from '../src/mask.ts';

const weight = fc.oneof(fc.float({ noNaN: true, min: -10, max: 10 }), fc.constantFrom(0, -0, 1, -1, 0.5));
const layer = fc.array(weight, { minLength: 1, maxLength: 60 }).map((weights) => Float32Array.from(weights));
const layers = fc.array(layer, { minLength: 1, maxLength: 4 });
const level = fc.double({ min: 1e-6, max: 1, noNaN: true });

/** Importances by the definition, sorted. */
function sortedImportances(all: readonly Float32Array[], normed: boolean): number[] {
  const importances = all.flatMap((weights) => {
    const norm = normed ? Math.sqrt(weights.reduce((sum, w) => sum + w * w, 0)) : 1;
    return [...weights].map((w) => (norm === 0 ? 0 : Math.fround(Math.abs(w) / norm)));
  });
  return importances.sort((a, b) => a - b);
}

describe.each(['abs', 'normed_abs'] as const)('%s', (importance) => {
  test('selection finds what sorting finds', () => {
    fc.assert(
      fc.property(layers, level, (all, share) => {
        const sorted = sortedImportances(all, importance === 'normed_abs');
        const rank = Math.min(Math.floor(sorted.length * share), sorted.length - 1);
        expect(magnitudeThreshold(all, share, { importance })).toBe(sorted[rank]);
      }),
      { numRuns: 2000 },
    );
  });

  test('zeros are at least what was asked for, and too many only by ties', () => {
    fc.assert(
      fc.property(layers, level, (all, share) => {
        const threshold = magnitudeThreshold(all, share, { importance });
        const masks = all.map((weights) => magnitudeMaskData(weights, threshold, { importance }));
        const zeros = masks.reduce((sum, mask) => sum + mask.filter((kept) => kept === 0).length, 0);
        const below = sortedImportances(all, importance === 'normed_abs').filter((value) => value < threshold).length;
        const total = all.reduce((sum, { length }) => sum + length, 0);
        expect(zeros).toBeGreaterThanOrEqual(Math.floor(total * share));
        expect(below).toBeLessThanOrEqual(Math.floor(total * share));
      }),
    );
  });

  test('a higher level keeps no weight that a lower one prunes', () => {
    fc.assert(
      fc.property(layer, level, level, (weights, a, b) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)].map((share) =>
          magnitudeMaskData(weights, magnitudeThreshold(weights, share, { importance }), { importance }),
        );
        high?.forEach((kept, index) => expect(kept).toBeLessThanOrEqual(low?.[index] as number));
      }),
    );
  });

  test('scaling all weights changes no mask', () => {
    fc.assert(
      fc.property(layer, level, fc.integer({ min: -20, max: 20 }), (weights, share, exponent) => {
        const scaled = weights.map((w) => w * 2 ** exponent);
        fc.pre([...weights, ...scaled].every((w) => w === 0 || Math.abs(w) > 1e-30));
        const mask = (of: Float32Array): Float32Array =>
          magnitudeMaskData(of, magnitudeThreshold(of, share, { importance }), { importance });
        expect(mask(scaled)).toEqual(mask(weights));
      }),
    );
  });
});

test('layers longer than a piece', () => {
  const weights = Float32Array.from({ length: 100_000 }, (_, index) => ((index * 7919) % 100_003) - 50_000);
  const sorted = [...weights].map((w) => Math.abs(w)).sort((a, b) => a - b);
  expect(magnitudeThreshold(weights, 0.37, { importance: 'abs' })).toBe(sorted[37_000]);
  const mask = magnitudeMaskData(weights, sorted[37_000] as number, { importance: 'abs' });
  expect(mask.every((kept, index) => (kept === 1) === Math.abs(weights[index] as number) > (sorted[37_000] as number))).toBe(true);
});
