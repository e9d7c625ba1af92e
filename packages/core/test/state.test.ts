import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCompressionAlgorithm,
  readCheckpoint,
  registerAlgorithm,
  writeCheckpoint,
  writeFileAtomic,
  type Checkpoint,
} from '@nncf/core';
import { fakeAlgorithm, sharedModel, smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'nncf-state-'));
beforeAll(() => tf.setBackend('cpu'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of ['fake', 'fake2']) registerAlgorithm(fakeAlgorithm(name));

const config = { compression: { algorithm: 'fake', factor: 0.8 } };
const [x, y] = [tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 1), tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5)];

const trainer = (model: ReturnType<typeof smallSequential>, optimizer: tf.Optimizer, loss: () => tf.Scalar) => (): void =>
  void optimizer.minimize(() => tf.add(tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor), loss()));

describe('checkpoint', () => {
  it('holds weights, compression, optimizer and extra; a resumed run equals one that was not stopped', async () => {
    const file = join(folder, 'run.safetensors');
    const straight = smallSequential({ rate: 0 });
    const algo = await createCompressionAlgorithm(straight, config);
    const optimizer = tf.train.adam(0.01);
    const step = trainer(straight, optimizer, () => algo.loss());
    for (let i = 0; i < 3; i++) step();
    await algo.saveCheckpoint(file, { optimizer, extra: { step: 3 } });
    for (let i = 0; i < 3; i++) step();

    const resumedModel = smallSequential({ rate: 0 });
    const resumed = await createCompressionAlgorithm(resumedModel, config);
    const adam = tf.train.adam(0.01);
    expect(await resumed.loadCheckpoint(file, { optimizer: adam })).toEqual({ step: 3 });
    const go = trainer(resumedModel, adam, () => resumed.loss());
    for (let i = 0; i < 3; i++) go();
    const [a, b] = [straight, resumedModel].map((each) => each.getWeights().map((weight) => [...weight.dataSync()]));
    expect(b).toEqual(a);
    expect(resumed.state()).toEqual(algo.state());
    algo.remove();
    resumed.remove();
  });

  it('with the slots of another optimizer, or none, is refused and changes nothing', async () => {
    const model = smallSequential({ rate: 0 });
    const algo = await createCompressionAlgorithm(model, config);
    const adam = tf.train.adam(0.01);
    trainer(model, adam, () => algo.loss())();
    const [without, withAdam] = [join(folder, 'without'), join(folder, 'with-adam')];
    await algo.saveCheckpoint(without);
    await algo.saveCheckpoint(withAdam, { optimizer: adam });
    trainer(model, adam, () => algo.loss())();
    const now = (): unknown => [algo.state(), model.getWeights().map((weight) => [...weight.dataSync()])];
    const before = now();
    await expect(algo.loadCheckpoint(without, { optimizer: tf.train.adam(0.01) })).rejects.toMatchObject({ code: 'STATE_MISMATCH' });
    await expect(algo.loadCheckpoint(withAdam, { optimizer: tf.train.sgd(0.01) })).rejects.toMatchObject({ code: 'STATE_MISMATCH' });
    await expect(algo.loadCheckpoint(without, { optimizer: adam })).rejects.toThrow(`${without} was saved without an optimizer.`);
    const sgd = algo.optimizer(tf.train.sgd(0.01));
    await expect(algo.loadCheckpoint(withAdam, { optimizer: sgd })).rejects.toThrow(
      /with-adam was saved with another optimizer: the slots/u,
    );
    await expect(algo.saveCheckpoint(without, { optimizer: tf.train.adamax(0.01) })).rejects.toMatchObject({
      code: 'CHECKPOINT_UNSUPPORTED',
      message: expect.stringContaining('Adamax cannot be saved') as string,
    });
    expect(now()).toEqual(before);
    algo.remove();
  });

  it('is refused when torn, cut or foreign, and changes nothing', async () => {
    const model = smallSequential();
    const algo = await createCompressionAlgorithm(model, config);
    const file = join(folder, 'torn.safetensors');
    await algo.saveCheckpoint(file);
    const whole = readFileSync(file);
    const before = model.getWeights().map((weight) => [...weight.dataSync()]);
    for (const size of [0, 4, 100, whole.length - 1]) {
      writeFileSync(file, whole);
      truncateSync(file, size);
      await expect(algo.loadCheckpoint(file)).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
    }
    writeFileSync(file, 'no checkpoint at all');
    await expect(algo.loadCheckpoint(file)).rejects.toThrow(file);
    await expect(algo.loadCheckpoint(join(folder, 'missing'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    expect(model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(before);
    algo.remove();
  });

  it('of another model is refused before anything changes', async () => {
    const file = join(folder, 'other.safetensors');
    const other = await createCompressionAlgorithm(sharedModel(), config);
    await other.saveCheckpoint(file);
    const algo = await createCompressionAlgorithm(smallSequential(), config);
    const before = algo.state();
    await expect(algo.loadCheckpoint(file)).rejects.toMatchObject({ code: 'STATE_MISMATCH' });
    const two = await createCompressionAlgorithm(smallSequential(), { compression: { algorithm: 'fake2' } });
    await expect(two.loadCheckpoint(file)).rejects.toThrow(`${file} holds nothing of "fake2"`);
    expect(() => two.loadState(algo.state())).toThrow(/The state holds nothing of "fake2"/u);
    expect(algo.state()).toEqual(before);
    for (const each of [algo, other, two]) each.remove();
  });

  it('keeps every kind of tensor', async () => {
    const checkpoint: Checkpoint = {
      compression: [
        {
          algorithm: 'a',
          version: 2,
          scheduler: { epoch: 1 },
          state: { json: { k: [1, 'x'] }, tensors: { 'm/0': { shape: [2], dtype: 'bool', data: Uint8Array.from([0, 1]) } } },
        },
      ],
      weights: { w: { shape: [1, 2], dtype: 'float32', data: Float32Array.from([1.5, -0]) } },
      optimizer: [
        ['iter', { shape: [], dtype: 'int32', data: Int32Array.from([7]) }],
        ['m', { shape: [1], dtype: 'float32', data: Float32Array.from([3]) }],
      ],
      extra: { epoch: 3 },
    };
    await writeCheckpoint(join(folder, 'all'), checkpoint);
    expect(await readCheckpoint(join(folder, 'all'))).toEqual(checkpoint);
  });
});

describe('writing a file', () => {
  it('leaves no part behind where it cannot be written', async () => {
    writeFileSync(join(folder, 'file'), 'a file, no folder');
    for (const file of [join(folder, 'file', 'below'), join(folder, 'file', 'below', 'it'), '/proc/none/below']) {
      await expect(writeFileAtomic(file, 'x')).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    }
    expect(readdirSync(folder).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('makes the folders above it', async () => {
    await writeFileAtomic(join(folder, 'a', 'b', 'c.txt'), 'x');
    await writeFileAtomic(join(folder, 'a', 'b', 'd.txt'), 'y');
    expect(readdirSync(join(folder, 'a', 'b')).toSorted()).toEqual(['c.txt', 'd.txt']);
  });
});
