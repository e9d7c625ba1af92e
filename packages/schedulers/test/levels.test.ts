import { biasedExponentialLevel, createAdaptiveSchedule, exponentialLevel, multistepLevel, polynomialLevel } from '@nncf/schedulers';
import { NncfError } from '@nncf/core';
import { describe, expect, test } from 'vitest';

const epochs = (count: number): number[] => Array.from({ length: count }, (_, epoch) => epoch);

function expectLevels(levels: readonly number[], expected: readonly number[]): void {
  expect(levels).toHaveLength(expected.length);
  levels.forEach((level, epoch) => expect(level, `epoch ${epoch}`).toBeCloseTo(expected[epoch] as number, 7));
}

describe('polynomialLevel', () => {
  test.each([
    { name: 'linear', params: { init: 0.2, target: 0.6, targetEpoch: 2, power: 1 }, expected: [0.2, 0.4, 0.6, 0.6, 0.6, 0.6] },
    { name: 'square', params: { init: 0.1, target: 0.5, targetEpoch: 3, power: 2 }, expected: [0.1, 13 / 90, 25 / 90, 0.5, 0.5] },
    {
      name: 'concave square',
      params: { init: 0.1, target: 0.5, targetEpoch: 3, power: 2, concave: true },
      expected: [0.1, 29 / 90, 41 / 90, 0.5, 0.5],
    },
    { name: 'falling', params: { init: 0.6, target: 0.2, targetEpoch: 2, power: 1 }, expected: [0.6, 0.4, 0.2, 0.2] },
    { name: 'at once', params: { init: 0.1, target: 0.5, targetEpoch: 0 }, expected: [0.5, 0.5] },
  ])('$name', ({ params, expected }) => {
    expectLevels(
      epochs(expected.length).map((epoch) => polynomialLevel(epoch, params)),
      expected,
    );
  });

  test('fractions of an epoch', () => {
    const params = { init: 0.1, target: 0.5, targetEpoch: 3, power: 2 };
    expectLevels(
      [0, 1 / 3, 2 / 3, 1, 4 / 3, 5 / 3].map((epoch) => polynomialLevel(epoch, params)),
      [0.1, 85 / 810, 97 / 810, 13 / 90, 145 / 810, 181 / 810],
    );
  });

  test('defaults: 0 to 0.5 in 90 epochs with power 0.9', () => {
    expectLevels(
      [0, 45, 90, 200].map((epoch) => polynomialLevel(epoch)),
      [0, 0.5 * 0.5 ** 0.9, 0.5, 0.5],
    );
  });

  test('is exactly the target from the target epoch on', () => {
    expect(polynomialLevel(7, { init: 0.1, target: 0.7, targetEpoch: 7 })).toBe(0.7);
  });
});

describe('exponentialLevel', () => {
  test('the density of the epoch halfway is the geometric mean', () => {
    const levels = epochs(6).map((epoch) => exponentialLevel(epoch, { init: 0.2, target: 0.6, targetEpoch: 2 }));
    expectLevels(levels, [0.2, 1 - Math.sqrt(0.8 * 0.4), 0.6, 0.6, 0.6, 0.6]);
  });

  test('is exactly the target from the target epoch on', () => {
    expect([9, 10, 1000].map((epoch) => exponentialLevel(epoch, { init: 0, target: 0.7, targetEpoch: 9 }))).toEqual([0.7, 0.7, 0.7]);
  });

  test.each([
    { name: 'target 1', params: { init: 0.25, target: 1, targetEpoch: 4 }, expected: [0.25, 1, 1] },
    { name: 'init above the target', params: { init: 0.8, target: 0.5, targetEpoch: 4 }, expected: [0.5, 0.5, 0.5] },
    { name: 'init 1', params: { init: 1, target: 1, targetEpoch: 4 }, expected: [1, 1] },
    { name: 'at once', params: { init: 0, target: 0.3, targetEpoch: 0 }, expected: [0.3, 0.3] },
  ])('boundary: $name', ({ params, expected }) => {
    expectLevels(
      epochs(expected.length).map((epoch) => exponentialLevel(epoch, params)),
      expected,
    );
  });
});

describe('biasedExponentialLevel', () => {
  test('three quarters after an eighth of the epochs, the rest by the end', () => {
    const params = { init: 0, target: 0.6, targetEpoch: 80 };
    expectLevels(
      [0, 10, 80, 100].map((epoch) => biasedExponentialLevel(epoch, params)),
      [0, 0.45, 0.6, 0.6],
    );
    expect(biasedExponentialLevel(79.999, params)).toBeCloseTo(0.6, 4);
  });

  test('rises all the way from init', () => {
    const levels = epochs(50).map((epoch) => biasedExponentialLevel(epoch, { init: 0.1, target: 0.5, targetEpoch: 40 }));
    expect(levels[0]).toBeCloseTo(0.1, 12);
    expect(levels[5]).toBeCloseTo(0.375, 12);
    levels.slice(1).forEach((level, i) => expect(level).toBeGreaterThanOrEqual(levels[i] as number));
  });
});

describe('multistepLevel', () => {
  test('changes at the step itself', () => {
    const params = { steps: [2, 3, 4], levels: [0.2, 0.4, 0.5, 0.6] };
    expectLevels(
      epochs(6).map((epoch) => multistepLevel(epoch, params)),
      [0.2, 0.2, 0.4, 0.5, 0.6, 0.6],
    );
  });

  test('steps come in any order; two at one epoch skip a level', () => {
    expectLevels(
      epochs(4).map((epoch) => multistepLevel(epoch, { steps: [3, 1], levels: [0, 0.1, 0.2] })),
      [0, 0.1, 0.1, 0.2],
    );
    expectLevels(
      epochs(2).map((epoch) => multistepLevel(epoch, { steps: [1, 1], levels: [0, 0.1, 0.2] })),
      [0, 0.2],
    );
  });

  test('defaults: 0.1, and 0.5 from epoch 90', () => {
    expect([0, 89, 90].map((epoch) => multistepLevel(epoch))).toEqual([0.1, 0.1, 0.5]);
  });
});

describe('createAdaptiveSchedule', () => {
  test('rises when the level is reached within eps', () => {
    const schedule = createAdaptiveSchedule({ init: 0.2, target: 0.4 });
    expect(schedule.level).toBe(0.2);
    expectLevels(
      [0.3, 0.2, 0.22, 0.31, 0.34, 0.37, 0.48].map((reached) => schedule.update(reached)),
      [0.25, 0.25, 0.3, 0.35, 0.4, 0.4, 0.4],
    );
  });

  test('patience counts epochs in a row', () => {
    const schedule = createAdaptiveSchedule({ init: 0.2, target: 0.5, step: 0.1, eps: 0.01, patience: 2 });
    expectLevels(
      [0.2, 0.1, 0.2, 0.2, 0.3, 0.3, 0.4, 0.5, 0.5].map((reached) => schedule.update(reached)),
      [0.2, 0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5],
    );
  });

  test('ends exactly at the target, whatever the steps add up to', () => {
    const schedule = createAdaptiveSchedule({ init: 0, target: 0.3, step: 0.1 });
    expect([1, 2, 3].map(() => schedule.update(1)).at(-1)).toBe(0.3);
  });

  test('state goes on where it was', () => {
    const first = createAdaptiveSchedule({ patience: 2 });
    first.update(0);
    const second = createAdaptiveSchedule({ patience: 2 });
    second.loadState(JSON.parse(JSON.stringify(first.state())));
    expect(second.update(0)).toBe(0.05);
    expect(() => second.loadState({})).toThrow(NncfError);
  });
});

test.each([
  ['level above 1', () => polynomialLevel(0, { init: 1.2 })],
  ['level below 0', () => exponentialLevel(0, { target: -0.1 })],
  ['level not a number', () => polynomialLevel(0, { target: Number.NaN })],
  ['negative power', () => polynomialLevel(0, { power: -1 })],
  ['negative epoch', () => exponentialLevel(0, { targetEpoch: -1 })],
  ['levels without steps', () => multistepLevel(0, { levels: [0.1] })],
  ['steps and levels that do not fit', () => multistepLevel(0, { steps: [1, 2], levels: [0.1] })],
  ['multistep level above 1', () => multistepLevel(0, { steps: [1], levels: [0.1, 2] })],
  ['adaptive step 0', () => createAdaptiveSchedule({ step: 0 })],
  ['patience 0', () => createAdaptiveSchedule({ patience: 0 })],
])('%s is SCHEDULE_INVALID', (_name, run) => {
  expect(run).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }));
});
