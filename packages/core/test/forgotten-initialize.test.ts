import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompressionAlgorithm, registerAlgorithm, type ModelCompression } from '@nncf/core';
import { fakeAlgorithm, smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'nncf-forgotten-'));
beforeAll(async () => {
  await tf.setBackend('cpu');
  for (const name of ['one', 'two']) registerAlgorithm(fakeAlgorithm(name));
});
afterAll(() => rmSync(folder, { recursive: true }));

type Algo = ModelCompression<LayersModel>;
const x = tf.zeros([2, 8, 8, 3]);
const y = tf.oneHot(tf.tensor1d([0, 1], 'int32'), 5);

/** A compression by two methods, and the warnings that it gives. */
async function compressed(...guesses: readonly boolean[]): Promise<{ algo: Algo; warnings: string[] }> {
  const warnings: string[] = [];
  const compression = ['one', 'two'].map((algorithm, i) => ({ algorithm, guesses: guesses[i] ?? false }));
  const algo = await createCompressionAlgorithm(
    smallSequential() as LayersModel,
    { compression },
    { warn: (text) => void warnings.push(text) },
  );
  return { algo, warnings };
}

const step = ({ model }: Algo): void =>
  void tf.train.sgd(0.1).minimize(() => tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor));

const fit = async ({ model }: Algo): Promise<void> => {
  model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
  await model.fit(x, y, { batchSize: 1, epochs: 2, verbose: 0 });
};

describe('a forgotten initialize()', () => {
  it.each([
    ['minimize', async (algo: Algo) => (step(algo), step(algo))],
    ['fit', fit],
  ])('is warned of once by %s, with the names of the methods', async (_, train) => {
    const { algo, warnings } = await compressed(true, true);
    algo.model.predict(x);
    algo.model.apply(x, { training: true });
    expect(warnings).toEqual([]);
    await train(algo);
    expect(warnings).toEqual([expect.stringMatching(/initialize\(\) was not called: one and two start from a guess.*algo\.initialize/u)]);
    algo.remove();
  });

  it('is no fault of methods that need none', async () => {
    const { algo, warnings } = await compressed(false, true);
    step(algo);
    expect(warnings).toEqual([expect.stringContaining(': two starts from a guess')]);
    algo.remove();
    const none = await compressed(false, false);
    step(none.algo);
    expect(none.warnings).toEqual([]);
    none.algo.remove();
  });

  it('is none where initialize() was called or a state was loaded', async () => {
    const source = await compressed(true);
    const file = join(folder, 'state.safetensors');
    await source.algo.saveCheckpoint(file);
    const prepare = [
      (algo: Algo) => algo.initialize(),
      async (algo: Algo) => algo.loadState(source.algo.state()),
      (algo: Algo) => algo.loadCheckpoint(file).then(() => undefined),
    ];
    for (const each of prepare) {
      const { algo, warnings } = await compressed(true);
      await each(algo);
      step(algo);
      expect(warnings).toEqual([]);
      algo.remove();
    }
    source.algo.remove();
  });

  it('is one where initialize() or loading failed', async () => {
    const { algo, warnings } = await compressed(true);
    const failing = async (): Promise<void> => {
      throw new Error('no ranges');
    };
    Object.assign(algo.algorithm('one') ?? {}, { initialize: failing });
    await expect(algo.initialize()).rejects.toThrow('no ranges');
    await expect(algo.loadCheckpoint(join(folder, 'missing'))).rejects.toThrow(/missing/u);
    expect(() => algo.loadState([])).toThrow(/nothing of "one"/u);
    step(algo);
    expect(warnings).toHaveLength(1);
    algo.remove();
  });
});
