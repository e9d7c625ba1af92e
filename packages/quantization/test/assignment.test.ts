import { NncfError } from '@nncf/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseAssignment, orderedAssignments, type Assignment, type WeightChoice } from '../src/precision/assignment.ts';

const choice = (trace: number, perturbations: Record<number, number>): WeightChoice => ({
  trace,
  perturbations: new Map(Object.entries(perturbations).map(([width, value]) => [Number(width), value])),
});

/** Rounding errors that fall by four with every bit. */
const errors = (scale: number, widths: readonly number[]): Record<number, number> =>
  Object.fromEntries(widths.map((width) => [width, scale / 4 ** width]));

/** Multiply-adds of each weight as cost. */
const ratioBy =
  (costs: readonly number[]) =>
  (bits: readonly number[]): number =>
    costs.reduce((sum, cost) => sum + 8 * cost, 0) / costs.reduce((sum, cost, i) => sum + cost * bits[i]!, 0);

describe('ordered assignments', () => {
  it('give more bits to larger traces, each combination once', () => {
    const weights = [choice(3, errors(1, [4, 8])), choice(1, errors(1, [4, 8])), choice(2, errors(1, [4, 8]))];
    expect([...orderedAssignments(weights)]).toEqual([
      [4, 4, 4],
      [8, 4, 4],
      [8, 4, 8],
      [8, 8, 8],
    ]);
  });

  it('take the nearest width where one is not to be had', () => {
    const weights = [choice(1, errors(1, [8])), choice(2, errors(1, [2, 4, 8])), choice(3, errors(1, [2, 8]))];
    const found = new Set([...orderedAssignments(weights)].map(String));
    expect([...found].sort()).toEqual(['8,2,2', '8,2,8', '8,4,2', '8,4,8', '8,8,8']);
  });

  it('are as many as sequences that never fall', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.uniqueArray(fc.integer({ min: 2, max: 8 }), { minLength: 1, maxLength: 4 }),
        (n, widths) => {
          const weights = Array.from({ length: n }, (_, i) => choice(i, errors(1, widths)));
          const all = [...orderedAssignments(weights)].map(String);
          expect(new Set(all).size).toBe(all.length);
          expect(all.length).toBe(countByHand(n, widths.length));
        },
      ),
    );
  });
});

/** Ways to put n weights into m widths in order, counted one by one. */
function countByHand(n: number, m: number): number {
  if (m === 1) return 1;
  let sum = 0;
  for (let first = 0; first <= n; first++) sum += countByHand(n - first, m - 1);
  return sum;
}

const problem = fc.record({
  layers: fc.array(
    fc.record({
      trace: fc.double({ min: -1, max: 10, noNaN: true }),
      scale: fc.double({ min: 0.1, max: 10, noNaN: true }),
      cost: fc.integer({ min: 1, max: 100 }),
    }),
    { minLength: 1, maxLength: 7 },
  ),
  compressionRatio: fc.double({ min: 1, max: 4, noNaN: true }),
});

describe('the choice', () => {
  const widths = [2, 4, 8];

  it('keeps to the budget, never gives a larger trace fewer bits, and no ordered assignment is better', () => {
    fc.assert(
      fc.property(problem, ({ layers, compressionRatio }) => {
        const weights = layers.map(({ trace, scale }) => choice(trace, errors(scale, widths)));
        const ratioOf = ratioBy(layers.map(({ cost }) => cost));
        const { bits, ratio, perturbation } = chooseAssignment({ weights, ratioOf, compressionRatio });
        expect(ratio).toBeGreaterThanOrEqual(compressionRatio);
        expect(ratio).toBe(ratioOf(bits));
        weights.forEach((a, i) => weights.forEach((b, j) => expect(a.trace <= b.trace || bits[i]! >= bits[j]!).toBe(true)));
        for (const other of orderedAssignments(weights)) {
          const sum = other.reduce((total, width, i) => total + Math.max(0, weights[i]!.trace) * weights[i]!.perturbations.get(width)!, 0);
          if (ratioOf(other) >= compressionRatio) expect(sum).toBeGreaterThanOrEqual(perturbation);
        }
      }),
    );
  });

  it('loses nothing by a larger budget', () => {
    fc.assert(
      fc.property(problem, fc.double({ min: 1, max: 4, noNaN: true }), ({ layers, compressionRatio }, other) => {
        const weights = layers.map(({ trace, scale }) => choice(trace, errors(scale, widths)));
        const ratioOf = ratioBy(layers.map(({ cost }) => cost));
        const lossAt = (ratio: number): number => chooseAssignment({ weights, ratioOf, compressionRatio: ratio }).perturbation;
        expect(lossAt(Math.min(compressionRatio, other))).toBeLessThanOrEqual(lossAt(Math.max(compressionRatio, other)));
      }),
    );
  });

  it('uses the budget among equals, and takes a negative trace for none', () => {
    const weights = [choice(-5, errors(1, widths)), choice(0, errors(1, widths))];
    const choose = (compressionRatio: number): Assignment => chooseAssignment({ weights, ratioOf: ratioBy([1, 1]), compressionRatio });
    expect(choose(1)).toEqual({ bits: [8, 8], perturbation: 0, ratio: 1 });
    expect(choose(1.5)).toEqual({ bits: [2, 8], perturbation: 0, ratio: 1.6 });
  });

  it('says what is possible when the budget is not', () => {
    const weights = [choice(1, errors(1, [4, 8])), choice(2, errors(1, [8]))];
    const choose = (isAllowed?: () => boolean): unknown =>
      chooseAssignment({ weights, ratioOf: ratioBy([1, 1]), compressionRatio: 1.5, isAllowed });
    expect(choose).toThrow(/"compression_ratio" is 1.5, possible are 1.000 to 1.333/u);
    expect(() => choose(() => false)).toThrow(/no assignment is possible/u);
    expect(codeOf(choose)).toBe('BUDGET_UNREACHABLE');
  });

  it('refuses to look at millions', () => {
    const weights = Array.from({ length: 60 }, (_, i) => choice(i, errors(1, [2, 3, 4, 5, 6, 7, 8])));
    const choose = (): unknown => chooseAssignment({ weights, ratioOf: () => 1, compressionRatio: 1 });
    expect(choose).toThrow(/2, 3, 4, 5, 6, 7, 8 allow 90858768 ordered assignments/u);
    expect(codeOf(choose)).toBe('CONFIG_UNSUPPORTED');
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof NncfError) return error.code;
  }
  return undefined;
}
