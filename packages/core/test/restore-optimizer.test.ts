import { createCompressionAlgorithm, registerAlgorithm, type ModelCompression } from '@nncf/core';
import { fakeAlgorithm, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-resume-'));
  registerAlgorithm(fakeAlgorithm('resumed'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Algo = ModelCompression<LayersModel>;

function train(algo: Algo, optimizer: tf.Optimizer, from: number, to: number): void {
  for (let step = from; step < to; step++) {
    tf.tidy(() => {
      const x = tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', step);
      optimizer.minimize(() => tf.mean(tf.square(algo.model.apply(x, { training: false }) as tf.Tensor)));
    });
  }
}

const weights = (algo: Algo): number[][] => algo.model.getWeights().map((weight) => [...weight.dataSync()]);

describeBackends('a run that was killed', () => {
  it.each([
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['rmsprop', () => tf.train.rmsprop(0.01)],
    ['adam', () => tf.train.adam(0.01)],
  ])('goes on in the same bits with %s', async (name, make) => {
    const compress = (): Promise<Algo> =>
      createCompressionAlgorithm(smallSequential() as LayersModel, { compression: { algorithm: 'resumed' } });
    const file = join(folder, `${name}.safetensors`);
    const [whole, optimizer] = [await compress(), make()];
    train(whole, optimizer, 0, 6);
    await whole.saveCheckpoint(file, { optimizer });
    train(whole, optimizer, 6, 12);
    const [resumed, other] = [await compress(), make()];
    await resumed.loadCheckpoint(file, { optimizer: other });
    train(resumed, other, 6, 12);
    expect(weights(resumed)).toEqual(weights(whole));
    whole.remove();
    resumed.remove();
  });
});
