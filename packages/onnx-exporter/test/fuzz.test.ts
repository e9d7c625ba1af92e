import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { useCpu } from './support/cpu.ts';
import { ExportFolder, exported, largestDifference, runOnnx, PEERS_TIMEOUT, preparePeers } from './support/export-case.ts';
import { randomInputs, randomizeWeights } from './support/random-model.ts';
import { architecture, buildRandom } from './support/random-architecture.ts';

const folder = new ExportFolder();
beforeAll(useCpu);
beforeAll(preparePeers, PEERS_TIMEOUT);
afterAll(() => folder.remove());

/** Largest value in size, at least 1. */
const scaleOf = (tensor: Tensor): number => Math.max(1, Number(tf.max(tf.abs(tensor)).dataSync()[0]));

async function expectSame(model: tfl.LayersModel, bytes: Uint8Array, batch: number): Promise<void> {
  const [x] = randomInputs(model, batch) as [Tensor];
  const expected = model.predict(x) as Tensor;
  const outputs = await runOnnx(bytes, [x]);
  expect(largestDifference(outputs, [expected]) / scaleOf(expected)).toBeLessThan(1e-4);
  folder.keep('random', bytes, [x], [expected]);
}

it('any network of these layers computes the same in ONNX Runtime', async () => {
  await fc.assert(
    fc.asyncProperty(architecture, async (plan) => {
      const model = buildRandom(plan);
      fc.pre(model !== undefined);
      randomizeWeights(model);
      const bytes = exported(model);
      await expectSame(model, bytes, 2);
      await expectSame(model, bytes, 1);
    }),
    // One seed, so that a run that fails fails again; this one has a border as wide as the mean behind it.
    { numRuns: 30, seed: 2127081719 },
  );
});

it('and onnx.checker accepts it', () => {
  const reports = folder.check();
  expect(reports.length).toBeGreaterThan(30);
  expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
});
