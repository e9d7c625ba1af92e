import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  agreement,
  argmax,
  batches,
  createMemoryDataset,
  evaluateClassifier,
  evaluateOutputs,
  imageFolder,
  rawPixels,
  toMemory,
  type MemoryDataset,
} from '../src/index.ts';
import { mapBounded } from '../src/encoded.ts';

let root: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  root = await mkdtemp(join(tmpdir(), 'nncf-folder-'));
  const picture = (colour: string): Promise<Buffer> =>
    sharp({ create: { width: 20, height: 12, channels: 3, background: colour } })
      .png()
      .toBuffer();
  for (const [path, colour] of [
    ['train/red/1.png', '#f00'],
    ['train/red/2.png', '#f00'],
    ['train/blue/1.PNG', '#00f'],
    ['train/blue/3.png', '#00f'],
    ['val/red/9.png', '#f00'],
  ] as const) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), await picture(colour));
  }
  await writeFile(join(root, 'train/blue/2.png'), (await readFile(join(root, 'train/blue/3.png'))).subarray(0, 60));
  await writeFile(join(root, 'train/blue/notes.txt'), 'no picture');
  await mkdir(join(root, 'empty/red'), { recursive: true });
});
afterAll(() => rm(root, { recursive: true }));

/** Three pictures of one pixel; the pixel is the class that {@link pointer} answers. */
function points(pixels: number[], labels: number[]): MemoryDataset {
  return createMemoryDataset({
    name: 'points',
    imageShape: [1, 1, 1],
    classNames: ['a', 'b', 'c', 'd', 'e', 'f', 'g'],
    normalization: { mean: [0], std: [1 / 255] },
    pixels: Uint8Array.from(pixels),
    labels: Int32Array.from(labels),
  });
}

/** Output is highest at the pixel's value and falls with the distance from it. */
const pointer = {
  predict: (xs: tf.Tensor): tf.Tensor => tf.neg(tf.abs(tf.sub(tf.reshape(xs, [-1, 1]), tf.reshape(tf.range(0, 7), [1, 7])))),
};

describe('evaluateClassifier', () => {
  it('counts top-1 and top-5 by hand', async () => {
    const before = tf.memory().numTensors;
    const progress: number[] = [];
    const onProgress = (done: number): void => void progress.push(done);
    const score = await evaluateClassifier(pointer, points([0, 3, 6, 0, 1], [0, 4, 0, 5, 1]), { batchSize: 2, onProgress });
    // 0→0 right; 3→4 second; 6→0 last; 0→5 sixth; 1→1 right.
    expect(score).toEqual({ top1: 2 / 5, top5: 3 / 5, count: 5, predictions: Int32Array.of(0, 3, 6, 0, 1) });
    expect(progress).toEqual([2, 4, 5]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('takes a LayersModel', async () => {
    const model = tfl.sequential({
      layers: [tfl.layers.flatten({ inputShape: [1, 1, 1] }), tfl.layers.dense({ units: 7, kernelInitializer: 'zeros' })],
    });
    expect((await evaluateClassifier(model, points([1, 2], [0, 0]))).top1).toBe(1);
  });

  it('refuses outputs that are not finite, and leaves no tensor then', async () => {
    const before = tf.memory().numTensors;
    const broken = { predict: (xs: tf.Tensor): tf.Tensor => tf.div(pointer.predict(xs), tf.sub(1, tf.reshape(xs, [-1, 1]))) };
    await expect(evaluateClassifier(broken, points([0, 1], [0, 0]))).rejects.toMatchObject({ code: 'NON_FINITE' });
    await expect(evaluateClassifier(broken, points([0, 1], [0, 0]))).rejects.toThrow(/image 1 is not finite/);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('of nothing is zero', async () => {
    expect(await evaluateClassifier(pointer, points([], []))).toEqual({ top1: 0, top5: 0, count: 0, predictions: new Int32Array(0) });
  });
});

describe('agreement and argmax', () => {
  it('by hand', () => {
    expect(agreement(Int32Array.of(1, 2, 3, 4), Int32Array.of(1, 0, 3, 4))).toBe(0.75);
    expect(argmax([9, 1, 3, 3, 0], 1, 4)).toBe(1);
  });
});

describe('imageFolder', () => {
  it('labels by the sorted names of classes, and leaves broken pictures out with a report each', async () => {
    const onBroken = vi.fn();
    const folder = await imageFolder(root, 'train', { size: 4, onBroken });
    expect([folder.classNames, [...folder.labels], folder.imageShape]).toEqual([
      ['blue', 'red'],
      [0, 0, 0, 1, 1],
      [4, 4, 3],
    ]);
    const sizes: number[] = [];
    for await (const { xs } of batches(folder, { batchSize: 2, shuffle: true })) sizes.push(xs.shape[0]);
    const { pixels, labels } = await toMemory(folder);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4);
    expect([...labels]).toEqual([0, 0, 1, 1]);
    expect([...pixels.slice(0, 3), ...pixels.slice(-3)]).toEqual([0, 0, 255, 255, 0, 0]);
    expect(onBroken).toHaveBeenCalledTimes(1);
    expect(onBroken).toHaveBeenCalledWith(join(root, 'train/blue/2.png'), expect.any(String));
  });

  it('scores only what can be read', async () => {
    const folder = await imageFolder(root, 'train', { size: 2, onBroken: () => undefined, normalization: rawPixels });
    const alwaysRed = await evaluateOutputs(
      ({ labels }) => Promise.resolve(Float32Array.from({ length: 2 * labels.length }, (_, place) => place % 2)),
      folder,
    );
    expect([alwaysRed.top1, alwaysRed.count, [...alwaysRed.predictions]]).toEqual([0.5, 4, [1, -1, 1, 1, 1]]);
  });

  it('names a broken picture on standard error unless told otherwise', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    await toMemory(await imageFolder(root, 'train', { size: 2 }));
    expect(warn.mock.calls.map(String)).toEqual([expect.stringContaining('2.png is left out')]);
    warn.mockRestore();
  });

  it('takes the labels of the training part where a class is absent', async () => {
    expect([...(await imageFolder(root, 'val')).labels]).toEqual([0]);
    expect([...(await imageFolder(root, 'val', { classNames: ['blue', 'red'] })).labels]).toEqual([1]);
    await expect(imageFolder(root, 'train', { classNames: ['red'] })).rejects.toThrow(/blue is none of the classes red/);
  });

  it('refuses a cut that is larger than the picture', async () => {
    await expect(imageFolder(root, 'train', { size: 8, resize: 4 })).rejects.toThrow(/shorter side 4 cannot be cut to 8/);
    await expect(imageFolder(root, 'train', { size: 0 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses a folder without pictures', async () => {
    for (const split of ['empty', 'nowhere']) {
      await expect(imageFolder(root, split)).rejects.toMatchObject({ code: 'DATASET_MISSING', message: expect.stringContaining(split) });
    }
  });
});

describe('mapBounded', () => {
  it('keeps the order and never runs more than the limit', async () => {
    let running = 0;
    let most = 0;
    const slow = async (item: number): Promise<number> => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, (item * 7) % 5));
      running--;
      return item * 2;
    };
    expect(await mapBounded([5, 1, 4, 2, 3, 0], 2, slow)).toEqual([10, 2, 8, 4, 6, 0]);
    expect(most).toBe(2);
    expect(await mapBounded([], 2, slow)).toEqual([]);
  });
});
