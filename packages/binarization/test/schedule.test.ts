import { describe, expect, it } from 'vitest';
import { BinarizationSchedule, type BinarizationPart } from '../src/schedule.ts';

const FOUR = {
  activations_quant_start_epoch: 1,
  weights_quant_start_epoch: 3,
  lr_poly_drop_start_epoch: 4,
  lr_poly_drop_duration_epochs: 2,
  base_lr: 0.1,
  base_wd: 0.01,
};

describe('the four stages', () => {
  it('follow each other, and tell what begins', () => {
    const changes: BinarizationPart[][] = [];
    const schedule = new BinarizationSchedule(FOUR, (active) => changes.push([...active]));
    const seen = Array.from({ length: 7 }, () => {
      const now = [schedule.trainingStage(), schedule.compressionStage()];
      schedule.epochStep();
      return now;
    });
    expect(seen).toEqual([
      [1, 'UNCOMPRESSED'],
      [2, 'PARTIALLY_COMPRESSED'],
      [2, 'PARTIALLY_COMPRESSED'],
      [3, 'FULLY_COMPRESSED'],
      [4, 'FULLY_COMPRESSED'],
      [4, 'FULLY_COMPRESSED'],
      [4, 'FULLY_COMPRESSED'],
    ]);
    expect(changes).toEqual([['activations'], ['activations', 'weights']]);
  });

  it('are skipped where nothing is said: all is binary from the start', () => {
    const schedule = new BinarizationSchedule({}, () => undefined);
    expect(schedule.trainingStage()).toBe(3);
    expect(schedule.active).toEqual(['activations', 'weights']);
    expect(schedule.hyperparameters()).toBeUndefined();
  });
});

describe('learning rate and weight decay', () => {
  const at = (schedule: BinarizationSchedule): readonly (number | undefined)[] => {
    const { learningRate, weightDecay } = schedule.hyperparameters() ?? {};
    return [learningRate, weightDecay];
  };

  it('are constant, then the rate falls by the power 2.1 and the decay is gone', () => {
    const schedule = new BinarizationSchedule(FOUR, () => undefined);
    const seen = Array.from({ length: 7 }, () => {
      const now = at(schedule);
      schedule.epochStep();
      return now;
    });
    expect(seen.slice(0, 4)).toEqual(Array.from({ length: 4 }, () => [0.1, 0.01]));
    expect(seen[4]).toEqual([0.1, 0]);
    expect(seen[5]?.[0]).toBeCloseTo(0.1 * 0.5 ** 2.1, 12);
    expect(seen[6]).toEqual([0, 0]);
  });

  it('fall within an epoch once its number of steps is known', () => {
    const schedule = new BinarizationSchedule({ lr_poly_drop_start_epoch: 1, lr_poly_drop_duration_epochs: 1 }, () => undefined);
    const steps = (count: number): void => Array.from({ length: count }).forEach(() => schedule.step());
    steps(3);
    expect(at(schedule)).toEqual([1e-3, 1e-5]);
    steps(1);
    schedule.epochStep();
    steps(1);
    expect(at(schedule)[0]).toBeCloseTo(1e-3 * 0.75 ** 2.1, 12);
    const resumed = new BinarizationSchedule({ lr_poly_drop_start_epoch: 1, lr_poly_drop_duration_epochs: 1 }, () => undefined);
    resumed.loadState(schedule.state());
    expect(at(resumed)).toEqual(at(schedule));
    // More steps than before: the rate is 0 at the end of the epoch, not below.
    steps(5);
    expect(at(schedule)[0]).toBe(0);
  });

  it('may end the decay at another epoch', () => {
    const schedule = new BinarizationSchedule({ disable_wd_start_epoch: 1, base_wd: 0.5 }, () => undefined);
    expect(at(schedule)).toEqual([1e-3, 0.5]);
    schedule.epochStep();
    expect(at(schedule)).toEqual([1e-3, 0]);
  });
});

it('a state of another kind is refused', () => {
  const schedule = new BinarizationSchedule({}, () => undefined);
  expect(() => schedule.loadState({ epoch: 1 })).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }) as Error);
});
