import { createCompressionAlgorithm, type JsonObject, type ModelCompression, type NncfConfig } from '@nncf/core';
import '@nncf/magnitude-sparsity';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { describe, expect, test } from 'vitest';
import { twoLayerModel } from './two-layer-model.ts';

type Algo = ModelCompression<LayersModel>;

const NORM1 = Math.sqrt(4 * 100 + 4 * 81);
const NORM2 = Math.sqrt(12 * 100 + 6 * 81);
const DIAGONAL = [0, 1, 1, 1, 0, 1, 1, 1, 0].flatMap((kept) => [kept, kept]);

async function sparsify(section: JsonObject, rest: NncfConfig = {}): Promise<{ algo: Algo; warnings: string[] }> {
  const warnings: string[] = [];
  const config = { compression: { algorithm: 'magnitude_sparsity', ...section }, ...rest };
  const algo = await createCompressionAlgorithm(twoLayerModel(), config, { warn: (message) => warnings.push(message) });
  return { algo, warnings };
}

const value = (algo: Algo, name: string): number => algo.statistics()['magnitude_sparsity']?.values[name] as number;
const thresholds = (algo: Algo): unknown[] => algo.statistics()['magnitude_sparsity']?.tables[0]?.rows.map((row) => row.at(-1)) ?? [];
const mask = (algo: Algo, weight: string): number[] => [...(algo.state()[0]?.state.tensors[`mask/${weight}`]?.data ?? [])];
const zeros = (algo: Algo, weight: string): number => mask(algo, weight).filter((kept) => kept === 0).length;

function expectThresholds(algo: Algo, expected: readonly number[]): void {
  const found = thresholds(algo);
  expect(found).toHaveLength(expected.length);
  found.forEach((threshold, i) => expect(threshold).toBeCloseTo(expected[i] as number, 5));
}

describeBackends('levels and masks', () => {
  test('multistep by default starts at 0.1, normed', async () => {
    const { algo } = await sparsify({ params: { schedule: 'multistep' } });
    expect(value(algo, 'level')).toBe(0.1);
    expectThresholds(algo, [9 / NORM2, 9 / NORM2]);
    expect(mask(algo, 'conv1/kernel')).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(mask(algo, 'conv2/kernel')).toEqual(DIAGONAL);
    expect(value(algo, 'prunedByTies')).toBe(6 - 3);
    algo.remove();
  });

  test.each([
    { importance: 'abs', level: 0.1, threshold: 9 },
    { importance: 'abs', level: 0.5, threshold: 10 },
    { importance: 'normed_abs', level: 0.5, threshold: 10 / NORM2 },
    { importance: 'normed_abs', level: 0.9, threshold: 10 / NORM1 },
  ])('threshold of $importance at level $level', async ({ importance, level, threshold }) => {
    const { algo } = await sparsify({ sparsity_init: level, params: { weight_importance: importance } });
    expectThresholds(algo, [threshold, threshold]);
    algo.remove();
  });

  test('masks of level 0.3 in prediction, in training and in the gradient', async () => {
    const { algo } = await sparsify({ params: { sparsity_init: 0.3, weight_importance: 'abs' } });
    expect(mask(algo, 'conv1/kernel')).toEqual([1, 1, 0, 0, 0, 0, 1, 1]);
    expect(mask(algo, 'conv2/kernel')).toEqual(DIAGONAL);
    const x = tf.ones([1, 10, 10, 1]);
    const hidden = [10 + 10 + 1, 10 + 10];
    const expected = -60 * (hidden[0] as number) - 60 * (hidden[1] as number) + 2;
    for (const training of [false, true]) {
      const out = algo.model.apply(x, { training }) as tf.Tensor;
      expect([...out.dataSync()]).toEqual(Array.from({ length: 49 }, () => expected));
    }
    const { grads } = tf.variableGrads(() => tf.sum(algo.model.apply(x, { training: true }) as tf.Tensor));
    const kernel = Object.entries(grads).find(([name]) => name.startsWith('conv1/kernel'))?.[1] as tf.Tensor;
    expect([...kernel.dataSync()].map((g) => g !== 0)).toEqual([true, true, false, false, false, false, true, true]);
    algo.remove();
  });

  test('level by layer', async () => {
    const { algo } = await sparsify({ sparsity_init: 0.3, params: { sparsity_level_setting_mode: 'local', weight_importance: 'abs' } });
    expectThresholds(algo, [9, 9]);
    expect([zeros(algo, 'conv1/kernel'), zeros(algo, 'conv2/kernel')]).toEqual([4, 6]);
    algo.remove();
  });

  test('level 0 changes nothing and has no threshold', async () => {
    const { algo } = await sparsify({});
    expect([value(algo, 'sparsityLevel'), value(algo, 'level'), value(algo, 'prunedByTies')]).toEqual([0, 0, 0]);
    expect(thresholds(algo)).toEqual(['-', '-']);
    expect(algo.stage()).toBe('UNCOMPRESSED');
    algo.remove();
  });

  test('level 1 leaves no weight', async () => {
    const { algo } = await sparsify({ sparsity_init: 1 });
    expect(value(algo, 'sparsityLevel')).toBe(1);
    expect(value(algo, 'modelSparsityLevel')).toBeCloseTo((26 + 1) / 29, 6);
    algo.remove();
  });

  test('statistics: shares by layer and in the model', async () => {
    const { algo } = await sparsify({ sparsity_init: 0.3, params: { weight_importance: 'abs' } });
    expect(value(algo, 'sparsityLevel')).toBeCloseTo(10 / 26, 6);
    expect(value(algo, 'modelSparsityLevel')).toBeCloseTo((10 + 1) / 29, 6);
    expect(algo.statistics()['magnitude_sparsity']?.tables[0]).toEqual({
      title: 'Sparsity by layer',
      columns: ['Layer', 'Shape', 'Sparsity', 'Share of weights', 'Threshold'],
      rows: [
        ['conv1/kernel', '[2, 2, 1, 2]', '50.0 %', '30.8 %', 9],
        ['conv2/kernel', '[3, 3, 2, 1]', '33.3 %', '69.2 %', 9],
      ],
    });
    algo.remove();
  });
});

describeBackends('schedule', () => {
  const steps = { params: { schedule: 'multistep', multistep_steps: [1, 3], multistep_sparsity_levels: [0.1, 0.5, 0.9] } };

  test('thresholds follow the epochs', async () => {
    const { algo } = await sparsify(steps);
    const seen = [0, 1, 2, 3, 4].map(() => {
      const found = [value(algo, 'level'), Number(thresholds(algo)[0]), algo.stage()];
      algo.scheduler.epochStep();
      return found;
    });
    const expected = [9 / NORM2, 10 / NORM2, 10 / NORM2, 10 / NORM1, 10 / NORM1];
    seen.forEach(([, threshold], i) => expect(threshold).toBeCloseTo(expected[i] as number, 5));
    expect(seen.map(([level]) => level)).toEqual([0.1, 0.5, 0.5, 0.9, 0.9]);
    expect(seen.map(([, , stage]) => stage)).toEqual([
      ...Array.from({ length: 3 }, () => 'PARTIALLY_COMPRESSED'),
      'FULLY_COMPRESSED',
      'FULLY_COMPRESSED',
    ]);
    algo.remove();
  });

  test('goes to an epoch that it is told', async () => {
    const { algo } = await sparsify(steps);
    algo.scheduler.epochStep(3);
    expectThresholds(algo, [10 / NORM1, 10 / NORM1]);
    algo.remove();
  });

  test('a weight comes back when it has grown, and only when the level changes', async () => {
    const { algo } = await sparsify({
      params: { schedule: 'multistep', multistep_steps: [1, 2], multistep_sparsity_levels: [0.1, 0.1, 0.12], weight_importance: 'abs' },
    });
    const before = mask(algo, 'conv1/kernel');
    expect(before).toEqual([1, 1, 0, 0, 0, 0, 1, 1]);
    const [kernel, ...others] = algo.model.getWeights();
    algo.model.setWeights([tf.mul(kernel as tf.Tensor, tf.tensor4d([1, 1, 2, 1, 1, 1, 1, 1], [2, 2, 1, 2])), ...others]);
    algo.scheduler.epochStep();
    expect(mask(algo, 'conv1/kernel')).toEqual(before);
    algo.scheduler.epochStep();
    expect(mask(algo, 'conv1/kernel')).toEqual([1, 1, 1, 0, 0, 0, 1, 1]);
    algo.remove();
  });

  test('masks freeze', async () => {
    const { algo } = await sparsify({
      params: { schedule: 'multistep', multistep_steps: [2], multistep_sparsity_levels: [0.1, 0.9], sparsity_freeze_epoch: 1 },
    });
    algo.scheduler.epochStep();
    algo.scheduler.epochStep();
    expect(value(algo, 'level')).toBe(0.1);
    expectThresholds(algo, [9 / NORM2, 9 / NORM2]);
    algo.remove();
  });

  test('initialize takes the weights as they are by then', async () => {
    const { algo } = await sparsify({ sparsity_init: 0.1, params: { weight_importance: 'abs' } });
    const [kernel, ...others] = algo.model.getWeights();
    algo.model.setWeights([tf.mul(kernel as tf.Tensor, 2), ...others]);
    await algo.initialize();
    expect(mask(algo, 'conv1/kernel')).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    algo.remove();
  });
});

describeBackends('pattern', () => {
  test('2:4 along the input channels, where they come in fours', async () => {
    const { algo, warnings } = await sparsify({ params: { pattern: '1:2' } });
    expect(mask(algo, 'conv1/kernel')).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
    expect(mask(algo, 'conv2/kernel')).toEqual(Array.from({ length: 9 }, () => [1, 0]).flat());
    expect(warnings.join()).toContain('"conv1/kernel" of shape [2, 2, 1, 2] has no groups of 2');
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    const before = algo.state();
    algo.scheduler.epochStep();
    expect(algo.state()).toEqual(before);
    algo.remove();
  });
});

describe('configuration', () => {
  test.each<[JsonObject, string, string]>([
    [{ params: { schedule: 'adaptive' } }, 'CONFIG_INVALID', '/compression/params/schedule'],
    [{ sparsity_init: 1.2 }, 'CONFIG_INVALID', '/compression/sparsity_init'],
    [{ params: { pattern: '2-4' } }, 'CONFIG_INVALID', '/compression/params/pattern'],
    [{ params: { pattern: '4:2' } }, 'PATTERN_INVALID', '4:2'],
    [{ params: { pattern: '2:4', schedule: 'polynomial' } }, 'CONFIG_INVALID', '/compression/params/pattern'],
    [{ params: { schedule: 'multistep', multistep_sparsity_levels: [0.1] } }, 'SCHEDULE_INVALID', '/compression/params'],
    [{ params: { sparsity_steps: 1, sparsity_target_epoch: 2 } }, 'SCHEDULE_INVALID', '/compression/params/sparsity_steps'],
    [{ params: { sparsity_traget: 0.5 } }, 'CONFIG_UNKNOWN_KEY', 'sparsity_target'],
    [{ ignored_scopes: ['conv3'] }, 'SCOPE_UNMATCHED', '/compression/ignored_scopes/0'],
  ])('%j is %s', async (section, code, where) => {
    await tf.setBackend('cpu');
    const made = sparsify(section);
    await expect(made).rejects.toThrow(expect.objectContaining({ code }));
    await expect(made).rejects.toThrow(where);
  });

  test('old names, an unreachable target and an empty scope are warnings', async () => {
    const old = await sparsify({ weight_importance: 'abs', params: { sparsity_steps: 3, sparsity_training_steps: 5 } });
    expect(old.warnings).toHaveLength(3);
    old.algo.remove();
    const late = await sparsify({ params: { sparsity_target_epoch: 10 } }, { epochs: 4 });
    expect(late.warnings).toEqual([expect.stringContaining('After 4 planned epochs')]);
    late.algo.remove();
    const none = await sparsify({ ignored_scopes: ['{re}conv'] });
    expect(none.warnings).toEqual([expect.stringContaining('leaves no weight')]);
    none.algo.remove();
  });

  test('scopes choose the layers', async () => {
    const { algo } = await sparsify({ target_scopes: 'conv2' });
    expect(algo.plan.commands.map(({ values }) => values)).toEqual([['conv2/kernel']]);
    algo.remove();
  });
});
