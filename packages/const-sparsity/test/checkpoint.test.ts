import { createCompressionAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import '@nncf/const-sparsity';
import '@nncf/magnitude-sparsity';
import '@nncf/rb-sparsity';
import { sharedModel, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, test } from 'vitest';

type Algo = ModelCompression<LayersModel>;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-const-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compress = (section: JsonObject & { algorithm: string }, model: LayersModel = smallSequential()): Promise<Algo> =>
  createCompressionAlgorithm(model, { compression: section }, { warn: () => undefined });
const predict = (algo: Algo): number[] => [...(algo.model.predict(tf.ones([1, 8, 8, 3])) as tf.Tensor).dataSync()];
const sparsity = (algo: Algo): number => Object.values(algo.statistics())[0]?.values['sparsityLevel'] as number;

function moveLogits(algo: Algo): void {
  for (const [i, { variable }] of algo.parameters.entries())
    tf.tidy(() => variable.assign(tf.randomNormal(variable.shape, 0, 1, 'float32', i)));
}

describeBackends('masks from a checkpoint', () => {
  test.each([
    { algorithm: 'magnitude_sparsity', sparsity_init: 0.6 },
    { algorithm: 'rb_sparsity', sparsity_init: 0.5 },
    { algorithm: 'rb_sparsity', params: { sparsity_freeze_epoch: 1 } },
  ])('of %j stay while the weights are trained', async (section) => {
    const sparse = await compress(section);
    moveLogits(sparse);
    sparse.scheduler.epochStep();
    const file = join(folder, `${section.algorithm}.safetensors`);
    await sparse.saveCheckpoint(file);

    const fixed = await compress({ algorithm: 'const_sparsity' });
    await fixed.loadCheckpoint(file);
    await fixed.initialize();
    expect(predict(fixed)).toEqual(predict(sparse));
    expect(sparsity(fixed)).toBeGreaterThan(0.3);
    expect(sparsity(fixed)).toBeCloseTo(sparsity(sparse), 6);

    const before = fixed.state();
    fixed.model.compile({ loss: 'meanSquaredError', optimizer: tf.train.sgd(0.5) });
    await fixed.model.fit(tf.ones([2, 8, 8, 3]), tf.ones([2, 5]), { epochs: 2, verbose: 0, callbacks: [fixed.callback() as never] });
    expect(fixed.state()).toEqual(before);
    expect(sparsity(fixed)).toBeCloseTo(sparsity(sparse), 6);
    for (const algo of [sparse, fixed]) algo.remove();
  });

  test('of another model are refused', async () => {
    const sparse = await compress({ algorithm: 'magnitude_sparsity', sparsity_init: 0.6 }, sharedModel());
    const fixed = await compress({ algorithm: 'const_sparsity' });
    const before = fixed.state();
    expect(() => fixed.loadState(sparse.state())).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }));
    expect(fixed.state()).toEqual(before);
    for (const algo of [sparse, fixed]) algo.remove();
  });
});

describeBackends('without a checkpoint', () => {
  test('weights that are zero stay zero', async () => {
    const model = smallSequential();
    const [kernel, ...others] = model.getWeights();
    const mask = tf.cast(tf.greater(kernel as tf.Tensor, 0), 'float32');
    model.setWeights([tf.mul(kernel as tf.Tensor, mask), ...others]);
    const algo = await compress({ algorithm: 'const_sparsity' }, model);
    model.compile({ loss: 'meanSquaredError', optimizer: tf.train.sgd(0.5) });
    await model.fit(tf.ones([2, 8, 8, 3]), tf.ones([2, 5]), { epochs: 1, verbose: 0, callbacks: [algo.callback() as never] });
    expect([...tf.equal(model.getWeights()[0] as tf.Tensor, 0).dataSync()]).toEqual([...tf.equal(mask, 0).dataSync()]);
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    algo.remove();
  });
});
