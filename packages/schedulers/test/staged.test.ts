import { decayFactor, StagedScheduler, stagedStage } from '@nncf/schedulers';
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
