import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm, type ModelCompression, type NncfConfig } from '@nncf/core';
import { exportOnnx } from '@nncf/onnx-exporter';
import { compressedSubject, createOptimizer, trainingStep } from '@nncf/sample-training';
import { bert } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import onnxProto from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const LENGTH = 5;
const TINY = { layers: 1, width: 8, heads: 2, vocabulary: 17, positions: 6, length: LENGTH } as const;
const NAMES = ['input_ids', 'attention_mask', 'token_type_ids'] as const;
const folder = mkdtempSync(join(tmpdir(), 'nncf-bert-'));

beforeAll(async () => {
  await useBackend({ quiet: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A BERT with weights that are not close to zero. */
function tiny(head: 'classification' | 'answer' = 'classification', dropout = 0): tfl.LayersModel {
  const model = bert({ ...TINY, head, classes: 3, dropout, seed: 1 });
  model.setWeights(model.getWeights().map((weight) => (weight.rank > 1 ? tf.mul(weight, 20) : weight)));
  return model;
}

function batch(): [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D] {
  const rows = [
    [1, 4, 2, 0, 0, 1, 7, 3, 16, 2],
    [1, 1, 1, 0, 0, 1, 1, 1, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
  ];
  return rows.map((row) => tf.tensor2d(row, [2, LENGTH], 'int32')) as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
}

const MASK_SUM = '{re}attention\\.self\\.scores/Add_0';
const INT8: NncfConfig = {
  compression: { algorithm: 'quantization', initializer: { range: { num_init_samples: 2 } }, ignored_scopes: [MASK_SUM] },
};

async function compressed(model: tfl.LayersModel, config: NncfConfig): Promise<ModelCompression<tfl.LayersModel>> {
  const algo = await createCompressionAlgorithm(model, config);
  await algo.initialize([batch()]);
  return algo;
}

async function outputsOf(file: string, graphOptimizationLevel: 'all' | 'disabled' = 'all'): Promise<number[][]> {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3, graphOptimizationLevel });
  const inputs = batch();
  const feed = (i: number): ort.Tensor => new ort.Tensor('int32', inputs[i]!.dataSync() as Int32Array, inputs[i]!.shape);
  const results = await session.run(Object.fromEntries(NAMES.map((name, i) => [name, feed(i)])));
  await session.release();
  return session.outputNames.map((name) => [...(results[name]!.data as Float32Array)]);
}

function predicted(model: tfl.LayersModel): number[][] {
  return [model.predict(batch())].flat().map((each) => [...each.dataSync()]);
}

async function counts(file: string): Promise<Record<string, number>> {
  const nodes = onnxProto.onnx.ModelProto.decode(await readFile(file)).graph!.node!;
  const found: Record<string, number> = {};
  for (const { opType } of nodes) found[opType!] = (found[opType!] ?? 0) + 1;
  return found;
}

function expectClose(actual: number[][], expected: number[][], tolerance: number): void {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  expect(Math.max(...actual.flatMap((row, i) => row.map((value, j) => Math.abs(value - expected[i]![j]!))))).toBeLessThan(tolerance);
}

describe('in ONNX Runtime', () => {
  it.each(['classification', 'answer'] as const)('a BERT with head %s computes the same', async (head) => {
    const model = tiny(head);
    const file = join(folder, `${head}.onnx`);
    await exportOnnx(model, file);
    expectClose(await outputsOf(file), predicted(model), 1e-4);
    expect(await counts(file)).toMatchObject({ LayerNormalization: 3, Erf: 1, Softmax: 1, MatMul: 2, Gather: 2 });
  });

  it('so does one in 8 bits, as the file says and nearly so by integer operations', async () => {
    const model = tiny();
    const algo = await compressed(model, INT8);
    const file = join(folder, 'int8.onnx');
    await algo.exportModel(file);
    expectClose(await outputsOf(file, 'disabled'), predicted(model), 1e-5);
    const { initializer } = onnxProto.onnx.ModelProto.decode(await readFile(file)).graph!;
    const matrices = initializer!.filter(({ dims }) => dims!.length === 2 && dims!.every((size) => Number(size) > 1));
    // Two tables and eight kernels are stored in 8 bits, the table of positions is not.
    expect(matrices.map(({ dataType }) => dataType).toSorted()).toEqual([1, ...Array<number>(10).fill(3)]);
    // Its own integer operations round elsewhere: a few steps of 1/127.
    expectClose(await outputsOf(file), predicted(model), 0.04);
    algo.remove();
  });
});

const SELF = 'encoder.layer.0.attention.self';

describe('quantization', () => {
  const planned = async (target: 'weight' | 'activation', ignored: string[]): Promise<string[]> => {
    const compression = { algorithm: 'quantization', initializer: { range: { num_init_samples: 2 } }, ignored_scopes: ignored };
    const algo = await compressed(tiny('classification', 0.1), { compression });
    const commands = algo.plan.commands.filter((command) => command.target === target);
    algo.remove();
    return commands.map(({ operator }) => operator.replace('quantization/', ''));
  };

  // NNCF 2.18 for PyTorch on the same network: these, and two for the table of positions, which is no lookup here.
  it('is of the dense layers, the tables and both products of attention, as in NNCF', async () => {
    expect((await planned('weight', [MASK_SUM])).toSorted()).toEqual(
      [
        'embeddings.word_embeddings/embeddings',
        'embeddings.token_type_embeddings/embeddings',
        ...['query', 'key', 'value'].map((part) => `${SELF}.${part}/kernel`),
        ...['attention.output.dense', 'intermediate.dense', 'output.dense'].map((part) => `encoder.layer.0.${part}/kernel`),
        'pooler.dense/kernel',
        'classifier/kernel',
      ].toSorted(),
    );
    expect((await planned('activation', [MASK_SUM])).toSorted()).toEqual(
      [
        'embeddings.position_embeddings/Add_0:0',
        'embeddings.LayerNorm/Add_1:0',
        ...['query', 'key', 'value'].map((part) => `${SELF}.${part}/Add_0:0`),
        `${SELF}.scores/Softmax_0:0`,
        `${SELF}.context/MatMul_0:0`,
        ...['attention.output', 'output'].flatMap((part) =>
          ['dense/Add_0:0', 'add/Add_0:0', 'LayerNorm/Add_1:0'].map((op) => `encoder.layer.0.${part}.${op}`),
        ),
        'encoder.layer.0.intermediate.gelu/Multiply_1:0',
        'pooler.dense/Tanh_0:0',
      ].toSorted(),
    );
  });

  it('of the mask is what the ignored scope spares', async () => {
    const [all, spared] = [await planned('activation', []), await planned('activation', [MASK_SUM])];
    expect(all.filter((each) => !spared.includes(each))).toEqual(['encoder.mask/Multiply_0:0']);
  });
});

describe('training', () => {
  const sections: [string, NncfConfig['compression']][] = [
    ['nothing', []],
    ['quantization', INT8.compression],
    [
      'magnitude sparsity',
      { algorithm: 'magnitude_sparsity', sparsity_init: 0.5, params: { schedule: 'polynomial', sparsity_target: 0.6 } } as never,
    ],
    ['RB sparsity', { algorithm: 'rb_sparsity', sparsity_init: 0.1, params: { sparsity_target: 0.3 } } as never],
  ];
  it.each(sections)('under %s lowers the loss of a fixed batch', async (_, compression) => {
    const model = tiny();
    const algo = await compressed(model, { compression: compression! });
    const subject = compressedSubject(algo);
    const optimizer = createOptimizer({ type: 'adam' });
    const step = trainingStep(optimizer, subject.group?.(optimizer) ?? optimizer, subject.trained, {
      weightDecay: 0.01,
      decay: 'decoupled',
    });
    const labels = tf.tensor2d([0, 0, 1, 1, 0, 0], [2, 3]);
    const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(labels, model.apply(batch(), { training: true }) as tf.Tensor) as tf.Scalar;
    const losses: number[] = [];
    for (let i = 0; i < 10; i++) losses.push(step(loss, 3e-3).dataSync()[0]!);
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)!).toBeLessThan(0.9 * losses[0]!);
    algo.remove();
  });
});
