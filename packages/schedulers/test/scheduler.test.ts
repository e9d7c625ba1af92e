import { SparsityScheduler, type LevelCurve, type ScheduleTiming } from '@nncf/schedulers';
import { describe, expect, test } from 'vitest';
import { RecordingTarget } from './recording-target.ts';

const square: LevelCurve = { kind: 'polynomial', init: 0.1, target: 0.5, targetEpoch: 3, power: 2, concave: false };
const perEpoch: ScheduleTiming = { freezeEpoch: 4, updatePerOptimizerStep: false };
const perStep: ScheduleTiming = { ...perEpoch, updatePerOptimizerStep: true, stepsPerEpoch: 3 };

function started(curve: LevelCurve, timing: ScheduleTiming): { scheduler: SparsityScheduler; target: RecordingTarget } {
  const target = new RecordingTarget();
  const scheduler = new SparsityScheduler({ curve, timing }, target);
  scheduler.start();
  return { scheduler, target };
}

function runEpoch(scheduler: SparsityScheduler, steps: number): number[] {
  const levels: number[] = [];
  for (let step = 0; step < steps; step++) {
    levels.push(scheduler.level);
    scheduler.step();
  }
  scheduler.epochStep();
  return levels;
}

function expectClose(levels: readonly number[], expected: readonly number[]): void {
  expect(levels).toHaveLength(expected.length);
  levels.forEach((level, index) => expect(level, `entry ${index}`).toBeCloseTo(expected[index] as number, 9));
}

describe('by epochs', () => {
  test('an epoch trains at the level of the epochs before it', () => {
    const { scheduler, target } = started(square, perEpoch);
    const trained = [0, 1, 2, 3, 4, 5].map(() => runEpoch(scheduler, 2));
    expectClose(trained.flat(), [0.1, 0.1, 13 / 90, 13 / 90, 25 / 90, 25 / 90, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    expectClose(target.levels, [0.1, 13 / 90, 25 / 90, 0.5]);
    expect(target.freezes).toBe(1);
  });

  test('the mask freezes with the level of the freeze epoch, also before the target', () => {
    const { scheduler, target } = started(square, { ...perEpoch, freezeEpoch: 2 });
    for (let epoch = 0; epoch < 5; epoch++) runEpoch(scheduler, 1);
    expect(scheduler.frozen).toBe(true);
    expectClose(target.levels, [0.1, 13 / 90, 25 / 90]);
    expect(target.calls).toEqual(['level', 'level', 'level', 'freeze']);
  });

  test('begins at its start epoch', () => {
    const { scheduler } = started(square, { ...perEpoch, startEpoch: 2, freezeEpoch: 6 });
    expectClose(
      [0, 1, 2, 3, 4, 5].flatMap(() => runEpoch(scheduler, 1)),
      [0.1, 0.1, 0.1, 13 / 90, 25 / 90, 0.5],
    );
  });

  test('goes to an epoch that it is told', () => {
    const { scheduler } = started({ kind: 'multistep', steps: [1, 3], levels: [0.1, 0.5, 0.9] }, perEpoch);
    scheduler.epochStep(3);
    expect(scheduler.level).toBe(0.9);
    scheduler.epochStep();
    expect([scheduler.epoch, scheduler.level]).toEqual([4, 0.9]);
    expect(() => scheduler.epochStep(-1)).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }));
  });

  test('frozen from the start at freeze epoch 0', () => {
    const { target } = started(square, { ...perEpoch, freezeEpoch: 0 });
    expect(target.calls).toEqual(['level', 'freeze']);
  });

  test.each([
    { init: 0, target: 0.5, stages: ['UNCOMPRESSED', 'PARTIALLY_COMPRESSED', 'FULLY_COMPRESSED'] },
    { init: 0.1, target: 0.5, stages: ['PARTIALLY_COMPRESSED', 'PARTIALLY_COMPRESSED', 'FULLY_COMPRESSED'] },
    { init: 0, target: 0, stages: ['UNCOMPRESSED', 'UNCOMPRESSED', 'UNCOMPRESSED'] },
  ])('stages from $init to $target', ({ init, target, stages }) => {
    const { scheduler } = started({ kind: 'exponential', init, target, targetEpoch: 2 }, perEpoch);
    expect(stages.map(() => [scheduler.stage(), scheduler.epochStep()][0])).toEqual(stages);
  });
});

describe('by optimizer steps', () => {
  test('follows the curve within the epoch and stops at the freeze epoch', () => {
    const { scheduler, target } = started(square, perStep);
    const trained = [0, 1, 2, 3, 4].map(() => runEpoch(scheduler, 3)).flat();
    const curve = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((step) => 0.1 + 0.4 * (step / 9) ** 2);
    expectClose(trained, [...curve, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(trained[1]).toBeCloseTo(85 / 810, 12);
    expect(target.levels).toHaveLength(10);
    expect(target.freezes).toBe(1);
  });

  test('counts the steps in the first epoch when they are not configured', () => {
    const { scheduler, target } = started(square, { ...perStep, stepsPerEpoch: undefined });
    expectClose(runEpoch(scheduler, 3), [0.1, 0.1, 0.1]);
    expectClose(runEpoch(scheduler, 3), [0.1, 85 / 810, 97 / 810]);
    expectClose(runEpoch(scheduler, 3), [13 / 90, 145 / 810, 181 / 810]);
    expect(target.freezes).toBe(0);
  });

  test('refuses epochs of another length', () => {
    const mismatch = expect.objectContaining({ code: 'SCHEDULE_STEPS_MISMATCH' });
    expect(() => runEpoch(started(square, perStep).scheduler, 2)).toThrow(mismatch);
    expect(() => runEpoch(started(square, perStep).scheduler, 4)).toThrow(mismatch);
  });

  test('without steps the epochs still count', () => {
    const { scheduler } = started(square, perStep);
    scheduler.epochStep();
    expect(scheduler.level).toBeCloseTo(13 / 90, 12);
  });
});

describe('adaptive', () => {
  test('asks for the reached sparsity after every epoch, until it freezes', () => {
    const { scheduler, target } = started(
      { kind: 'adaptive', init: 0.2, target: 0.4, step: 0.05, eps: 0.03, patience: 1 },
      { ...perEpoch, freezeEpoch: 6 },
    );
    const reached = [0.3, 0.2, 0.22, 0.31, 0.2, 0.37, 0.4];
    const levels = reached.map((sparsity) => {
      target.sparsity = sparsity;
      scheduler.epochStep();
      return scheduler.level;
    });
    expectClose(levels, [0.25, 0.25, 0.3, 0.35, 0.35, 0.4, 0.4]);
    expect(target.freezes).toBe(1);
  });
});

describe('state', () => {
  const curves: LevelCurve[] = [
    square,
    { kind: 'exponential', init: 0.1, target: 0.5, targetEpoch: 3 },
    { kind: 'multistep', steps: [1, 2], levels: [0.1, 0.2, 0.4] },
    { kind: 'adaptive', init: 0.1, target: 0.4, step: 0.1, eps: 0.03, patience: 2 },
  ];
  const timings: ScheduleTiming[] = [perEpoch, perStep, { ...perStep, stepsPerEpoch: undefined }];
  const cases = curves.flatMap((curve) =>
    timings.map((timing) => ({ curve, timing, kind: curve.kind, steps: timing.stepsPerEpoch, byStep: timing.updatePerOptimizerStep })),
  );

  test.each(cases)('$kind, by step $byStep, steps $steps: killed at any step and resumed gives the same levels', ({ curve, timing }) => {
    const whole = started(curve, timing);
    const states = [whole.scheduler.state()];
    const levels = [whole.scheduler.level];
    for (let step = 1; step <= 18; step++) {
      advance(whole.scheduler, step);
      states.push(JSON.parse(JSON.stringify(whole.scheduler.state())));
      levels.push(whole.scheduler.level);
    }
    for (const [killed, state] of states.entries()) {
      const resumed = new SparsityScheduler({ curve, timing }, new RecordingTarget());
      resumed.loadState(state);
      const rest = [resumed.level];
      for (let step = killed + 1; step <= 18; step++) {
        advance(resumed, step);
        rest.push(resumed.level);
      }
      expect(rest, `killed after step ${killed}`).toEqual(levels.slice(killed));
      expect(resumed.state()).toEqual(whole.scheduler.state());
    }
  });

  function advance(scheduler: SparsityScheduler, step: number): void {
    scheduler.step();
    if (step % 3 === 0) scheduler.epochStep();
  }

  test('loading tells the target nothing, and a strange state changes nothing', () => {
    const { scheduler } = started(square, perEpoch);
    scheduler.epochStep();
    const target = new RecordingTarget();
    const resumed = new SparsityScheduler({ curve: square, timing: perEpoch }, target);
    resumed.loadState(scheduler.state());
    expect([target.calls, resumed.level]).toEqual([[], scheduler.level]);
    expect(() => resumed.loadState({ epoch: 7 })).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }));
    expect(resumed.state()).toEqual(scheduler.state());
  });
});
