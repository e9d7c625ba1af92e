import { createCompressionAlgorithm, type AlgorithmConfig, type JsonObject, type ModelCompression } from '@nncf/core';
import '@nncf/filter-pruning';
import '@nncf/onnx-exporter';
import '@nncf/quantization';
import { smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import { resnet8 } from '@nncf/zoo';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Algo = ModelCompression<LayersModel>;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-pruning-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prune = async (section: JsonObject, model: LayersModel = smallSequential(), ...others: AlgorithmConfig[]): Promise<Algo> =>
  createCompressionAlgorithm(model, { compression: [{ algorithm: 'filter_pruning', ...section }, ...others] }, { warn: () => undefined });
const value = (algo: Algo, name: string): number => algo.statistics()['filter_pruning']?.values[name] as number;
const rows = (algo: Algo): unknown => algo.statistics()['filter_pruning']?.tables[0]?.rows;
const prunedOf = (algo: Algo): Record<string, number[]> => (algo.state()[0]?.state.json['pruned'] ?? {}) as Record<string, number[]>;
const x = (): tf.Tensor => tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 3);

async function runFile(file: string, input: tf.Tensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(readFileSync(file), { logSeverityLevel: 3 });
  const feeds = { [session.inputNames[0] ?? '']: new ort.Tensor('float32', Float32Array.from(input.dataSync()), input.shape) };
  const results = await session.run(feeds);
  return Array.from(results[session.outputNames[0] ?? '']?.data as Float32Array);
}

function expectClose(actual: readonly number[], expected: ArrayLike<number>, tolerance: number): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((each, i) => expect(Math.abs(each - (expected[i] as number))).toBeLessThan(tolerance));
}

describeBackends('filters', () => {
  test('the least important half of each layer goes', async () => {
    const model = smallSequential();
    const algo = await prune({ pruning_init: 0.5, params: { filter_importance: 'L1', prune_first_conv: true } }, model);
    expect(rows(algo)).toEqual([
      ['conv1/kernel', 4, 2, '50.0 %'],
      ['conv2/kernel', 4, 2, '50.0 %'],
    ]);
    const kernel = model.getLayer('conv2').getWeights()[0] as tf.Tensor;
    const importance = [...tf.sum(tf.abs(kernel), [0, 1, 2]).dataSync()];
    const worst = [...importance.keys()].sort((a, b) => (importance[a] as number) - (importance[b] as number)).slice(0, 2);
    expect(prunedOf(algo)['conv2/kernel']).toEqual(worst.sort((a, b) => a - b));
    algo.remove();
  });

  test('a level of multiply-adds is met with as few filters as will do', async () => {
    const algo = await prune({ pruning_init: 0.4, params: { pruning_flops_target: 0.4 } }, resnet8());
    expect(value(algo, 'multiplyAddsSaved')).toBeGreaterThanOrEqual(0.4);
    expect(value(algo, 'multiplyAddsSaved')).toBeLessThan(0.47);
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    algo.remove();
  });

  test('and in multiples that suit the processor', async () => {
    const algo = await prune({ pruning_init: 0.4, params: { pruning_flops_target: 0.4, filters_multiple_of: 8 } }, resnet8());
    const left = (algo.statistics()['filter_pruning']?.tables[0]?.rows ?? []).map((row) => Number(row[2]));
    expect(left.every((count) => count % 8 === 0)).toBe(true);
    expect(value(algo, 'multiplyAddsSaved')).toBeGreaterThanOrEqual(0.4);
    algo.remove();
  });

  test('over all layers the least important ones go wherever they are', async () => {
    const model = smallSequential();
    const [kernel, ...others] = model.getLayer('conv1').getWeights();
    model.getLayer('conv1').setWeights([tf.mul(kernel as tf.Tensor, tf.tensor4d([1, 1e-3, 1e-3, 1e-3], [1, 1, 1, 4])), ...others]);
    const algo = await prune({ pruning_init: 0.4, params: { all_weights: true, prune_first_conv: true } }, model);
    expect(rows(algo)).toEqual([
      ['conv1/kernel', 4, 1, '75.0 %'],
      ['conv2/kernel', 4, 4, '0.0 %'],
    ]);
    algo.remove();
  });

  test('pruned filters get no gradient, whatever bias and batch norm say', async () => {
    const model = smallSequential();
    const algo = await prune({ pruning_init: 0.5, params: { prune_first_conv: true } }, model);
    const gone = prunedOf(algo)['conv1/kernel'] ?? [];
    const { grads } = tf.variableGrads(() => tf.sum(tf.square(model.apply(x(), { training: true }) as tf.Tensor)) as tf.Scalar);
    const gradient = Object.entries(grads).find(([name]) => name.startsWith('conv1/kernel'))?.[1] as tf.Tensor;
    const byFilter = [...tf.sum(tf.abs(gradient), [0, 1, 2]).dataSync()];
    expect(gone).toHaveLength(2);
    byFilter.forEach((sum, filter) => expect(sum === 0).toBe(gone.includes(filter)));
    algo.remove();
  });
});

describeBackends('schedule and state', () => {
  test('exponential from the start epoch, frozen at the target', async () => {
    const algo = await prune({ params: { pruning_target: 0.75, pruning_steps: 2, num_init_steps: 1, prune_first_conv: true } });
    const seen = [0, 1, 2, 3, 4].map(() => {
      const found = [value(algo, 'level'), value(algo, 'prunedFilters'), algo.stage()];
      algo.scheduler.epochStep();
      return found;
    });
    expect(seen.map(([level]) => level)).toEqual([0, 0, expect.closeTo(0.5, 9), 0.75, 0.75]);
    expect(seen.map(([, count]) => count)).toEqual([0, 0, 4, 6, 6]);
    expect(seen.at(-1)?.[2]).toBe('FULLY_COMPRESSED');
    const before = algo.state();
    const [kernel, ...others] = algo.model.getWeights();
    algo.model.setWeights([tf.mul(kernel as tf.Tensor, tf.tensor4d([100, 1, 1e-3, 1], [1, 1, 1, 4])), ...others]);
    algo.scheduler.epochStep();
    expect(algo.state()[0]?.state).toEqual(before[0]?.state);
    algo.remove();
  });

  test('baseline: all at once', async () => {
    const algo = await prune({ params: { schedule: 'baseline', num_init_steps: 1, prune_first_conv: true } });
    expect(value(algo, 'prunedFilters')).toBe(0);
    algo.scheduler.epochStep();
    expect(value(algo, 'prunedFilters')).toBe(4);
    algo.remove();
  });

  test('a state that names filters which are not there changes nothing', async () => {
    const algo = await prune({ pruning_init: 0.5, params: { prune_first_conv: true } });
    const before = algo.state();
    const [saved] = before;
    const strange = { level: 0.5, frozen: false, pruned: { 'conv1/kernel': [0], 'conv2/kernel': [9] } };
    expect(() => algo.loadState([{ ...(saved as NonNullable<typeof saved>), state: { json: strange, tensors: {} } }])).toThrow(
      expect.objectContaining({ code: 'STATE_MISMATCH' }),
    );
    expect(algo.state()).toEqual(before);
    algo.remove();
  });
});

describeBackends('export', () => {
  test('the file has fewer channels and computes the same', async () => {
    const algo = await prune({ pruning_init: 0.5, params: { prune_first_conv: true } });
    const [small, full] = [join(folder, 'small.onnx'), join(folder, 'full.onnx')];
    await algo.exportModel(small);
    await algo.exportModel(full, { dropUnreadChannels: false });
    const floatsSaved = 332 - (3 * 3 * 3 * 2 + 3 * 3 * 2 * 2 + 2 * 2 * 2 * 5);
    expect(readFileSync(small).length).toBeLessThan(readFileSync(full).length - 3 * floatsSaved);
    const expected = (algo.model.predict(x()) as tf.Tensor).dataSync();
    expectClose(await runFile(small, x()), expected, 1e-5);
    algo.remove();
  });

  test.each(['qdq', 'fakequantize'])('so does a quantized one (%s)', async (format) => {
    const quantization = { algorithm: 'quantization', weights: { per_channel: true } } as const;
    const algo = await prune({ pruning_init: 0.5, params: { prune_first_conv: true } }, smallSequential(), quantization);
    await algo.initialize([x()]);
    const [small, full] = [join(folder, `small-${format}.onnx`), join(folder, `full-${format}.onnx`)];
    await algo.exportModel(small, { format });
    await algo.exportModel(full, { format, dropUnreadChannels: false });
    expect(readFileSync(small).length).toBeLessThan(readFileSync(full).length);
    if (format === 'qdq') expectClose(await runFile(small, x()), await runFile(full, x()), 1e-3);
    algo.remove();
  });
});

describe('configuration', () => {
  test.each<[JsonObject, string, string]>([
    [{ pruning_init: 1 }, 'CONFIG_INVALID', '/compression/0/pruning_init'],
    [{ params: { pruning_target: 0.5, pruning_flops_target: 0.4 } }, 'CONFIG_INVALID', '/compression/0/params/pruning_flops_target'],
    [{ params: { filter_importance: 'L3' } }, 'CONFIG_INVALID', '/compression/0/params/filter_importance'],
    [{ params: { prune_frist_conv: true } }, 'CONFIG_UNKNOWN_KEY', 'prune_first_conv'],
    [{ target_scopes: 'conv7' }, 'SCOPE_UNMATCHED', '/compression/0/target_scopes'],
  ])('%j is %s', async (section, code, where) => {
    await tf.setBackend('cpu');
    const made = prune(section);
    await expect(made).rejects.toThrow(expect.objectContaining({ code }));
    await expect(made).rejects.toThrow(where);
  });
});
