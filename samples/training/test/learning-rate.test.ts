import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { LEARNING_RATE_SCHEDULES, learningRateSchedule } from '../src/train/learning-rate.ts';

describe('learningRateSchedule', () => {
  test('cosine is the base rate at first, half in the middle, nothing at the end', () => {
    const rate = learningRateSchedule({ base: 0.4, epochs: 10 });
    expect([rate(0), rate(5), rate(10)]).toEqual([0.4, expect.closeTo(0.2, 12), expect.closeTo(0, 12)]);
  });

  test('the warm-up grows along a line from zero and meets the schedule', () => {
    const rate = learningRateSchedule({ base: 0.1, schedule: 'linear', epochs: 5, warmup: 1 });
    expect([rate(0), rate(0.5), rate(1), rate(3), rate(5)].map((x) => Number(x.toFixed(12)))).toEqual([0, 0.05, 0.1, 0.05, 0]);
  });

  test('multistep multiplies by gamma at each milestone, from the milestone on', () => {
    const rate = learningRateSchedule({ base: 1, schedule: 'multistep', epochs: 10, milestones: [4, 8], gamma: 0.5 });
    expect([rate(3.99), rate(4), rate(7.99), rate(8), rate(100)]).toEqual([1, 0.5, 0.5, 0.25, 0.25]);
  });

  test.each([
    ['step', { every: 3, gamma: 0.5 }, [1, 1, 0.5, 0.125]],
    ['exponential', { gamma: 0.5 }, [1, 0.25, 0.125, 0.5 ** 9]],
    ['poly', { power: 2 }, [1, 0.5625, 0.49, 0.01]],
  ] as const)('%s', (schedule, figures, expected) => {
    const rate = learningRateSchedule({ base: 1, schedule, epochs: 10, ...figures });
    [0, 2.5, 3, 9].forEach((epoch, i) => expect(rate(epoch)).toBeCloseTo(expected[i]!, 12));
  });

  test('a floor is kept', () => {
    const rate = learningRateSchedule({ base: 2, schedule: 'cosine', epochs: 4, final: 0.25 });
    expect(rate(4)).toBeCloseTo(0.5, 12);
    expect(rate(9)).toBeCloseTo(0.5, 12);
  });

  test('after the warm-up no rate is above the one before, nor below zero', () => {
    const schedules = fc.constantFrom(...LEARNING_RATE_SCHEDULES);
    const times = fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(schedules, times, (schedule, [a, b]) => {
        const rate = learningRateSchedule({ base: 0.1, schedule, epochs: 7, warmup: 1 });
        const [early, late] = [1 + 6 * Math.min(a, b), 1 + 6 * Math.max(a, b)];
        expect(rate(late)).toBeLessThanOrEqual(rate(early) + 1e-12);
        expect(rate(late)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
