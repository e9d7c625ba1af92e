import { readSchedule, scheduleShape, unreachableTarget, type ScheduleParams, type SparsitySchedule } from '@nncf/schedulers';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';

function read(params: ScheduleParams, init?: number): { schedule: SparsitySchedule; warnings: string[] } {
  const warnings: string[] = [];
  const parsed = z.strictObject({ ...scheduleShape }).parse(params);
  return { schedule: readSchedule(parsed, { defaultSchedule: 'polynomial', init, warn: (message) => warnings.push(message) }), warnings };
}

describe('readSchedule', () => {
  test('defaults', () => {
    expect(read({}).schedule).toEqual({
      curve: { kind: 'polynomial', init: 0, target: 0.5, targetEpoch: 90, power: 0.9, concave: false },
      timing: { freezeEpoch: 100, updatePerOptimizerStep: false, stepsPerEpoch: undefined },
    });
    expect(read({ schedule: 'multistep' }).schedule.curve).toEqual({ kind: 'multistep', steps: [90], levels: [0.1, 0.5] });
    expect(read({ schedule: 'adaptive' }).schedule.curve).toEqual({
      kind: 'adaptive',
      init: 0,
      target: 0.5,
      step: 0.05,
      eps: 0.03,
      patience: 1,
    });
  });

  test('the first level stands in params or beside the algorithm', () => {
    expect(read({ schedule: 'exponential' }, 0.2).schedule.curve).toMatchObject({ init: 0.2 });
    expect(read({ schedule: 'exponential', sparsity_init: 0.1 }, 0.2).schedule.curve).toMatchObject({ init: 0.1 });
  });

  test('old names are accepted with a warning each', () => {
    const { schedule, warnings } = read({ sparsity_steps: 5, sparsity_training_steps: 10 });
    expect(schedule).toMatchObject({ curve: { targetEpoch: 5 }, timing: { freezeEpoch: 10 } });
    expect(warnings).toEqual([expect.stringContaining('"sparsity_target_epoch"'), expect.stringContaining('"sparsity_freeze_epoch"')]);
    const steps = read({ schedule: 'multistep', steps: [2], sparsity_levels: [0.2, 0.4] });
    expect(steps.schedule.curve).toEqual({ kind: 'multistep', steps: [2], levels: [0.2, 0.4] });
    expect(steps.warnings).toHaveLength(2);
  });

  test('an old name beside the new one is an error', () => {
    expect(() => read({ sparsity_steps: 5, sparsity_target_epoch: 5 })).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }));
  });

  test.each([
    { sparsity_target: 1.2 },
    { sparsity_init: -0.1 },
    { power: -1 },
    { steps_per_epoch: 0 },
    { patience: 0.5 },
    { step: 0 },
    { nonsense: 1 },
  ])('refuses %j', (params) => {
    expect(() => read(params)).toThrow(z.ZodError);
  });
});

describe('unreachableTarget', () => {
  const quick = { sparsity_target: 0.6, sparsity_target_epoch: 10, sparsity_freeze_epoch: 20 };

  test.each([
    { why: 'freezes before', params: { ...quick, sparsity_freeze_epoch: 5 }, planned: undefined, says: 'freezes at epoch 5' },
    { why: 'training ends before', params: quick, planned: 8, says: 'After 8 planned epochs' },
    { why: 'the target epoch comes after the last one', params: quick, planned: 10, says: 'After 10 planned epochs' },
    {
      why: 'the last step of the last epoch is just below',
      params: { ...quick, update_per_optimizer_step: true, steps_per_epoch: 100 },
      planned: 10,
      says: 'After 10',
    },
    { why: 'the last step comes after', params: { schedule: 'multistep' as const }, planned: 50, says: 'level is 0.1; the target 0.5' },
    {
      why: 'adaptive has too few epochs even at best',
      params: { ...quick, schedule: 'adaptive' as const },
      planned: 12,
      says: 'level is 0.55',
    },
  ])('warns when $why', ({ params, planned, says }) => {
    expect(unreachableTarget(read(params).schedule, planned)).toContain(says);
  });

  test.each([
    { why: 'an epoch at the target is trained', params: quick, planned: 11 },
    { why: 'the number of epochs is unknown', params: quick, planned: undefined },
    { why: 'it freezes at the target epoch', params: { ...quick, sparsity_freeze_epoch: 10 }, planned: 30 },
    { why: 'adaptive has just enough epochs', params: { ...quick, schedule: 'adaptive' as const }, planned: 13 },
    { why: 'it starts at the target', params: { sparsity_init: 0.5 }, planned: 1 },
  ])('is silent when $why', ({ params, planned }) => {
    expect(unreachableTarget(read(params).schedule, planned)).toBeUndefined();
  });
});
