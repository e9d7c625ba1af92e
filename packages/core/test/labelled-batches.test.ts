import { createCompressionAlgorithm, registerAlgorithm, type InitializeContext, type ModelCompression } from '@nncf/core';
import { fakeAlgorithm, smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';

/** The context of the last initialization. */
let context: InitializeContext | undefined;

beforeAll(async () => {
  await tf.setBackend('cpu');
  const fake = fakeAlgorithm('curious');
  registerAlgorithm({
    ...fake,
    create: (creation) => {
      const algorithm = fake.create(creation);
      algorithm.initialize = async (given) => void (context = given);
      return algorithm;
    },
  });
});

interface Batch {
  readonly xs: tf.Tensor;
  readonly ys: tf.Tensor;
  readonly names: readonly string[];
}

const compress = (): Promise<ModelCompression<LayersModel>> =>
  createCompressionAlgorithm(smallSequential() as LayersModel, { compression: { algorithm: 'curious' } });
const batch = (ys: number, xs = 0): Batch => ({ xs: tf.fill([2, 8, 8, 3], xs), ys: tf.fill([2, 5], ys), names: ['a', 'b'] });
const meanError = (output: tf.Tensor, { ys }: Batch): tf.Tensor => tf.mean(tf.squaredDifference(output, ys));

describe('labelled batches', () => {
  it('are there only where a loss was given', async () => {
    const algo = await compress();
    await algo.initialize([batch(1)]);
    expect(context?.labelledBatches).toBeUndefined();
    await algo.initialize<Batch>(undefined, { loss: meanError });
    await expect(context?.labelledBatches?.(4)).rejects.toThrow(/gave no batch/u);
    algo.remove();
  });

  it('are the first whole batches with so many samples, copied, with the loss as in prediction', async () => {
    const given: Batch[] = [];
    const stream = function* (): Generator<Batch> {
      for (const ys of [1, 2, 3]) {
        given.push(batch(ys));
        yield given.at(-1) as Batch;
      }
    };
    const algo = await compress();
    await algo.initialize(stream(), { loss: meanError });
    const before = tf.memory().numTensors;
    const kept = (await context?.labelledBatches?.(3)) ?? [];
    expect(kept.map(({ samples }) => samples)).toEqual([2, 2]);
    expect(given.map(({ xs, ys }) => xs.isDisposed && ys.isDisposed)).toEqual([true, true]);
    // Black pictures leave a softmax of equal logits: 0.2 for each of five classes.
    const losses = kept.map(({ loss }) => tf.tidy(() => loss().dataSync()[0] ?? 0));
    expect(losses[0]).toBeCloseTo(0.8 ** 2, 5);
    expect(losses[1]).toBeCloseTo(1.8 ** 2, 5);
    for (const each of kept) each.dispose();
    expect(tf.memory().numTensors).toBe(before);
    algo.remove();
  });

  it('give the loss the batch as it was, and all outputs', async () => {
    const algo = await compress();
    const seen: unknown[] = [];
    const loss = (output: tf.Tensor, [xs, ys]: readonly tf.Tensor[], outputs: readonly tf.Tensor[]): tf.Tensor => {
      seen.push(output === outputs[0], outputs.length, xs?.shape, ys?.shape);
      return tf.mean(output);
    };
    await algo.initialize([[tf.zeros([3, 8, 8, 3]), tf.zeros([3, 5])]], { loss });
    const [first] = (await context?.labelledBatches?.(1)) ?? [];
    tf.tidy(() => first?.loss());
    expect(seen).toEqual([true, 1, [3, 8, 8, 3], [3, 5]]);
    first?.dispose();
    algo.remove();
  });

  it('leave nothing behind when a later batch is bad', async () => {
    const algo = await compress();
    await algo.initialize([batch(1), batch(2, Number.NaN)], { loss: meanError });
    const before = tf.memory().numTensors;
    await expect(context?.labelledBatches?.(100)).rejects.toThrow(/NaN/u);
    expect(tf.memory().numTensors).toBe(before);
    algo.remove();
  });

  it('refuse a loss that is no scalar', async () => {
    const algo = await compress();
    for (const [loss, found] of [
      [(output: tf.Tensor) => output, 'a tensor of shape [2,5]'],
      [() => 3 as never, 'number'],
    ] as const) {
      await algo.initialize([batch(1)], { loss });
      const [first] = (await context?.labelledBatches?.(1)) ?? [];
      expect(() => tf.tidy(() => first?.loss())).toThrow(`returned ${found}; a scalar is needed`);
      first?.dispose();
    }
    algo.remove();
  });
});
