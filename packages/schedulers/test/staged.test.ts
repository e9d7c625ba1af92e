import { decayFactor, stagedHyperparameters, StagedScheduler, stagedStage } from '@nncf/schedulers';
import { expect, test } from 'vitest';

test('a part begins at its epoch, the stage says how many have', () => {
  const starts = { activations: 1, weights: 2 };
  expect([0, 1, 2, 3].map((epoch) => stagedStage(epoch, starts))).toEqual([
    'UNCOMPRESSED',
    'PARTIALLY_COMPRESSED',
    'FULLY_COMPRESSED',
    'FULLY_COMPRESSED',
  ]);
  expect(stagedStage(0, { activations: 0, weights: 0 })).toBe('FULLY_COMPRESSED');
});

test('tells the parts at work when they change, and only then', () => {
  const told: string[][] = [];
  const scheduler = new StagedScheduler({ activations: 1, weights: 3 }, (active) => told.push([...active]));
  const stages = [0, 1, 2, 3, 4].map(() => {
    const stage = scheduler.stage();
    scheduler.step();
    scheduler.epochStep();
    return stage;
  });
  expect(stages).toEqual(['UNCOMPRESSED', 'PARTIALLY_COMPRESSED', 'PARTIALLY_COMPRESSED', 'FULLY_COMPRESSED', 'FULLY_COMPRESSED']);
  expect(told).toEqual([['activations'], ['activations', 'weights']]);
});

test('resumes at the saved epoch', () => {
  const first = new StagedScheduler({ activations: 1, weights: 3 });
  first.epochStep(2);
  const told: string[][] = [];
  const second = new StagedScheduler({ activations: 1, weights: 3 }, (active) => told.push([...active]));
  second.loadState(first.state());
  expect([second.epoch, second.isActive('activations'), second.isActive('weights')]).toEqual([2, true, false]);
  expect(told).toEqual([['activations']]);
  expect(() => second.loadState({})).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }));
});

test('the learning rate decays from its start to 0', () => {
  const params = { start: 10, duration: 4, power: 2 };
  expect([0, 9, 10, 12, 13, 14, 20].map((epoch) => decayFactor(epoch, params))).toEqual([1, 1, 1, 0.25, 0.0625, 0, 0]);
  expect(decayFactor(30, { start: 10, duration: 40 })).toBeCloseTo(0.5 ** 2.1, 12);
});

test('a negative start is SCHEDULE_INVALID', () => {
  expect(() => new StagedScheduler({ weights: -1 })).toThrow(expect.objectContaining({ code: 'SCHEDULE_INVALID' }));
});

test('learning rate and weight decay of a staged training', () => {
  const params = {
    base_lr: 0.1,
    base_wd: 1e-4,
    lr_poly_drop_start_epoch: 10,
    lr_poly_drop_duration_epochs: 10,
    disable_wd_start_epoch: 12,
  };
  expect(stagedHyperparameters(params, 0)).toEqual({ learningRate: 0.1, weightDecay: 1e-4 });
  expect(stagedHyperparameters(params, 15).learningRate).toBeCloseTo(0.1 * 0.5 ** 2.1, 12);
  expect(stagedHyperparameters(params, 14, 1)).toEqual(stagedHyperparameters(params, 15));
  expect(stagedHyperparameters(params, 11, 0.9).weightDecay).toBe(1e-4);
  expect(stagedHyperparameters(params, 15).weightDecay).toBe(0);
  expect(stagedHyperparameters(params, 20).learningRate).toBe(0);
  expect(stagedHyperparameters({}, 100)).toEqual({ learningRate: 1e-3, weightDecay: 1e-5 });
});
