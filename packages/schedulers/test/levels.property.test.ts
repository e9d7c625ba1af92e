import { createAdaptiveSchedule, exponentialLevel, multistepLevel, polynomialLevel } from '@nncf/schedulers';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const RUNS = { numRuns: 10_000 };
const level = fc.double({ min: 0, max: 0.999, noNaN: true });
const targetEpoch = fc.integer({ min: 1, max: 200 });
const epoch = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.double({ min: 0, max: 300, noNaN: true }));
const rising = fc.tuple(level, level).map(([a, b]) => ({ init: Math.min(a, b), target: Math.max(a, b) }));

/** By logarithms, and by the distance from both ends, so that nothing of the implementation is repeated. */
function polynomialByLog(e: number, init: number, target: number, T: number, power: number, concave: boolean): number {
  const p = e >= T ? 1 : e / T;
  const share = concave ? 1 - Math.exp(power * Math.log(1 - p)) : Math.exp(power * Math.log(p));
  return (1 - share) * init + share * target;
}

test('polynomial against the closed form', () => {
  fc.assert(
    fc.property(
      epoch,
      level,
      level,
      targetEpoch,
      fc.double({ min: 0.05, max: 5, noNaN: true }),
      fc.boolean(),
      (e, init, target, T, power, concave) => {
        expect(polynomialLevel(e, { init, target, targetEpoch: T, power, concave })).toBeCloseTo(
          polynomialByLog(e, init, target, T, power, concave),
          9,
        );
      },
    ),
    RUNS,
  );
});

test('exponential against the differential equation d(density)/de = −k·density', () => {
  fc.assert(
    fc.property(epoch, rising, targetEpoch, (e, { init, target }, T) => {
      const k = Math.log((1 - init) / (1 - target)) / T;
      const expected = Math.min(1 - (1 - init) * Math.exp(-k * e), target);
      expect(exponentialLevel(e, { init, target, targetEpoch: T })).toBeCloseTo(expected, 9);
    }),
    RUNS,
  );
});

test('multistep against walking through the epochs', () => {
  const schedule = fc
    .uniqueArray(fc.integer({ min: 0, max: 100 }), { maxLength: 6 })
    .chain((steps) =>
      fc.record({ steps: fc.constant(steps), levels: fc.array(level, { minLength: steps.length + 1, maxLength: steps.length + 1 }) }),
    );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 120 }), schedule, (e, { steps, levels }) => {
      let index = 0;
      for (let walked = 0; walked <= e; walked++) if (steps.includes(walked)) index++;
      expect(multistepLevel(e, { steps, levels })).toBe(levels[index]);
    }),
    RUNS,
  );
});

test('a rising ramp never falls, starts at init, ends at the target and stays between', () => {
  fc.assert(
    fc.property(epoch, epoch, rising, targetEpoch, fc.boolean(), (a, b, { init, target }, T, concave) => {
      const params = { init, target, targetEpoch: T, concave };
      for (const curve of [(e: number) => polynomialLevel(e, params), (e: number) => exponentialLevel(e, params)]) {
        const [low, high] = [curve(Math.min(a, b)), curve(Math.max(a, b))];
        expect(low).toBeLessThanOrEqual(high + 1e-12);
        expect(low).toBeGreaterThanOrEqual(init - 1e-12);
        expect(high).toBeLessThanOrEqual(target);
        expect(curve(0)).toBeCloseTo(init, 12);
        expect(curve(T)).toBe(target);
      }
    }),
    RUNS,
  );
});

test('adaptive against counting rows of good epochs', () => {
  const params = fc.record({
    step: fc.double({ min: 0.01, max: 0.3, noNaN: true }),
    eps: fc.double({ min: 0, max: 0.1, noNaN: true }),
    patience: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(rising, params, fc.array(level, { maxLength: 20 }), ({ init, target }, { step, eps, patience }, reached) => {
      const schedule = createAdaptiveSchedule({ init, target, step, eps, patience });
      let expected = init;
      let row = '';
      for (const sparsity of reached) {
        row += sparsity >= expected - eps ? '+' : '-';
        if (row.endsWith('+'.repeat(patience))) [expected, row] = [Math.min(expected + step, target), ''];
        expect(schedule.update(sparsity)).toBeCloseTo(expected, 8);
        expected = schedule.level;
      }
    }),
    RUNS,
  );
});
