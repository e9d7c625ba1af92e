import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  arrayBatches,
  batches,
  createMemoryDataset,
  imagenetNormalization,
  randomSplit,
  rawPixels,
  subset,
  type ArrayBatch,
  type ImageDataset,
  type ImageShape,
} from '../src/index.ts';
import { normalizationTable, writeImage, writeView } from '../src/normalization.ts';
import { createRandom, epochSeed, shuffledIndices } from '../src/random.ts';

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** Pictures of `length` equal bytes, the picture's index. */
function numbered(size: number, imageShape: ImageShape = [2, 2, 3]): ImageDataset {
  const length = imageShape[0] * imageShape[1] * imageShape[2];
  return createMemoryDataset({
    name: 'numbered',
    imageShape,
    classNames: ['even', 'odd', 'never'],
    normalization: { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] },
    pixels: Uint8Array.from({ length: size * length }, (_, place) => Math.floor(place / length)),
    labels: Int32Array.from({ length: size }, (_, index) => index % 2),
  });
}

async function collect(batchStream: AsyncIterable<ArrayBatch>): Promise<ArrayBatch[]> {
  const all: ArrayBatch[] = [];
  for await (const batch of batchStream) all.push(batch);
  return all;
}

describe('random numbers', () => {
  it('are uniform, and the same for the same seed', () => {
    const [first, again, other] = [3, 3, 4].map((seed) => Array.from({ length: 20_000 }, createRandom(seed).next));
    expect(first).toEqual(again);
    expect(first).not.toEqual(other);
    const bins = new Int32Array(10);
    first!.forEach((value) => bins[Math.floor(value * 10)]!++);
    // Chi-square with 9 degrees of freedom: 27.9 is its 99.9 % point.
    expect(bins.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0)).toBeLessThan(27.9);
  });

  it('give permutations, another one each epoch', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(), (size, seed) => {
        expect([...shuffledIndices(size, createRandom(seed))].sort((a, b) => a - b)).toEqual(
          Array.from({ length: size }, (_, index) => index),
        );
      }),
    );
    const seeds = [0, 1, 2].flatMap((seed) => [0, 1, 2].map((epoch) => epochSeed(seed, epoch)));
    expect(new Set(seeds).size).toBe(9);
  });
});

describe('normalization', () => {
  it('is (x / 255 − mean) / std for every byte and channel', () => {
    const table = normalizationTable(imagenetNormalization, 3);
    expect(table[0]).toBeCloseTo(-0.485 / 0.229, 6);
    expect(table[256 + 255]).toBeCloseTo((1 - 0.456) / 0.224, 6);
    expect(table[512 + 128]).toBeCloseTo((128 / 255 - 0.406) / 0.225, 6);
    expect(Array.from(normalizationTable(rawPixels, 3).subarray(0, 256))).toEqual(Array.from({ length: 256 }, (_, byte) => byte));
    expect(() => normalizationTable(imagenetNormalization, 1)).toThrow(/3 channels does not fit pictures of 1/);
  });

  it('of a shifted or mirrored picture, by hand', () => {
    const shape: ImageShape = [2, 3, 1];
    const table = normalizationTable({ mean: [0], std: [1 / 255] }, 1);
    const view = (top: number, left: number, flip: boolean): number[] => {
      const target = new Float32Array(7).fill(-1);
      writeView(Uint8Array.of(1, 2, 3, 4, 5, 6), shape, { top, left, flip }, table, target, 1);
      expect(target[0]).toBe(-1);
      return Array.from(target.subarray(1));
    };
    expect(view(0, 0, false)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(view(0, 0, true)).toEqual([3, 2, 1, 6, 5, 4]);
    expect(view(1, -1, false)).toEqual([0, 4, 5, 0, 0, 0]);
    expect(view(-1, 1, true)).toEqual([0, 0, 0, 0, 3, 2]);
    expect(view(-2, 0, false)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('keeps channels together when a picture is mirrored', () => {
    const table = normalizationTable(rawPixels, 3);
    const target = new Float32Array(6);
    writeView(Uint8Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3], { top: 0, left: 0, flip: true }, table, target, 0);
    expect([...target]).toEqual([4, 5, 6, 1, 2, 3]);
    writeImage(Uint8Array.of(9, 8, 7), table, target, 3);
    expect([...target]).toEqual([4, 5, 6, 9, 8, 7]);
  });
});

describe('arrayBatches', () => {
  it('keep the order and end with a smaller batch, or without it', async () => {
    const all = await collect(arrayBatches(numbered(5), { batchSize: 2 }));
    expect(all.map(({ shape, labels }) => [shape, [...labels]])).toEqual([
      [
        [2, 2, 2, 3],
        [0, 1],
      ],
      [
        [2, 2, 2, 3],
        [0, 1],
      ],
      [[1, 2, 2, 3], [0]],
    ]);
    expect(all.flatMap(({ pixels }) => [...pixels])).toEqual(Array.from({ length: 60 }, (_, place) => Math.floor(place / 12)));
    const dropped = await collect(arrayBatches(numbered(5), { batchSize: 2, dropRemainder: true }));
    expect(dropped.map(({ labels }) => labels.length)).toEqual([2, 2]);
    expect(await collect(arrayBatches(numbered(0), { batchSize: 2 }))).toEqual([]);
  });

  it('shuffle by seed and epoch, every picture once with its own label', async () => {
    const order = async (seed: number, epoch: number): Promise<number[]> => {
      const all = await collect(arrayBatches(numbered(50), { batchSize: 7, shuffle: true, seed, epoch }));
      for (const { pixels, labels, indices } of all) {
        indices.forEach((index, row) => expect([pixels[row * 12], labels[row]]).toEqual([index, index % 2]));
      }
      return all.flatMap(({ indices }) => [...indices]);
    };
    const first = await order(1, 0);
    expect(await order(1, 0)).toEqual(first);
    expect(await order(1, 1)).not.toEqual(first);
    expect(await order(2, 0)).not.toEqual(first);
    expect([...first].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it('augment within the border, both ways, and reproducibly', async () => {
    // One bright pixel in the middle shows shift and mirroring.
    const pixels = new Uint8Array(2000 * 25);
    for (let image = 0; image < 2000; image++) pixels[image * 25 + 11] = 200;
    const grey = { mean: [0], std: [1 / 255] };
    const dataset = createMemoryDataset({
      name: 'dot',
      imageShape: [5, 5, 1],
      classNames: ['dot'],
      normalization: grey,
      pixels,
      labels: new Int32Array(2000),
    });
    const places = async (seed: number): Promise<number[]> => {
      const [batch] = await collect(arrayBatches(dataset, { batchSize: 2000, seed, augment: { pad: 1, flip: true } }));
      return Array.from({ length: 2000 }, (_, image) => batch!.pixels.subarray(image * 25, image * 25 + 25).indexOf(200));
    };
    const seen = await places(1);
    // Column 1 or (mirrored) 3, row 2, each moved by −1, 0 or 1.
    const shares = new Map<number, number>();
    seen.forEach((place) => shares.set(place, (shares.get(place) ?? 0) + 1));
    expect([...shares.keys()].sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    for (const [place, count] of shares) expect(count / 2000).toBeCloseTo(place % 5 === 2 ? 1 / 9 : 1 / 18, 1);
    expect(await places(1)).toEqual(seen);
    expect(await places(2)).not.toEqual(seen);
  });

  it('refuse a batch size that is none', () => {
    for (const batchSize of [0, -1, 1.5, NaN]) expect(() => batches(numbered(4), { batchSize })).toThrow(/is not a positive integer/);
  });
});

describe('batches', () => {
  it('are tensors with one-hot or plain labels', async () => {
    for await (const { xs, ys } of batches(numbered(2), { batchSize: 2 })) {
      expect([xs.shape, ys.shape, ys.dtype]).toEqual([[2, 2, 2, 3], [2, 3], 'float32']);
      expect([...(await ys.data())]).toEqual([1, 0, 0, 0, 1, 0]);
    }
    for await (const { ys, labels } of batches(numbered(2), { batchSize: 2, labels: 'index' })) {
      expect([ys.shape, ys.dtype, [...(await ys.data())], [...labels]]).toEqual([[2], 'int32', [0, 1], [0, 1]]);
    }
  });

  it('leave no tensor, whether the loop ends, breaks or throws', async () => {
    const before = tf.memory().numTensors;
    const stream = batches(numbered(9), { batchSize: 2 });
    for await (const batch of stream) expect(tf.memory().numTensors).toBe(before + 2 * Number(!batch.xs.isDisposed));
    for await (const batch of stream) if (batch.indices[0] === 2) break;
    const failing = async (): Promise<void> => {
      for await (const batch of stream) throw new Error(String(batch.indices[0]));
    };
    await expect(failing()).rejects.toThrow('0');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('hand on a failure to read, once', async () => {
    const broken: ImageDataset = {
      ...numbered(6),
      read: (indices) => (indices[0] === 2 ? Promise.reject(new Error('disk')) : numbered(6).read(indices)),
    };
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const batch of batches(broken, { batchSize: 2 })) seen.push(batch.indices[0]!);
    };
    await expect(run()).rejects.toThrow('disk');
    expect(seen).toEqual([0]);
  });

  it('draw anew in each pass', async () => {
    const stream = batches(numbered(30), { batchSize: 30, shuffle: true });
    const pass = async (): Promise<number[]> => {
      const order: number[] = [];
      for await (const batch of stream) order.push(...batch.indices);
      return order;
    };
    const passes = [await pass(), await pass()];
    expect(passes[0]).not.toEqual(passes[1]);
    const second = await collect(arrayBatches(numbered(30), { batchSize: 30, shuffle: true, epoch: 1 }));
    expect(passes[1]).toEqual([...second[0]!.indices]);
  });

  it('feed fitDataset and evaluateDataset, which leave no tensor', async () => {
    const model = tfl.sequential({
      layers: [tfl.layers.flatten({ inputShape: [2, 2, 3] }), tfl.layers.dense({ units: 3, activation: 'softmax' })],
    });
    model.compile({ optimizer: tf.train.sgd(1e-4), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const stream = batches(numbered(10), { batchSize: 4, shuffle: true });
    await model.fitDataset(stream, { epochs: 1, verbose: 0 });
    const before = tf.memory().numTensors;
    const { history } = await model.fitDataset(stream, { epochs: 3, verbose: 0 });
    expect(history['loss']).toHaveLength(3);
    tf.dispose(await model.evaluateDataset(stream, { verbose: 0 } as Parameters<typeof model.evaluateDataset>[1]));
    expect(tf.memory().numTensors).toBe(before);
    expect(stream.size).toBe(3);
  });
});

describe('parts of a dataset', () => {
  it('are disjoint and complete', () => {
    const [chosen, rest] = randomSplit(numbered(20), 6, 5);
    expect([chosen.size, rest.size]).toEqual([6, 14]);
    const again = randomSplit(numbered(20), 6, 5)[0];
    expect(again.labels).toEqual(chosen.labels);
  });

  it('number their pictures from 0', async () => {
    const part = subset(numbered(20), [7, 3, 4]);
    expect([...part.labels]).toEqual([1, 1, 0]);
    const { pixels, labels, indices } = await part.read(Int32Array.of(2, 0));
    expect([pixels[0], pixels[12], [...labels], [...indices]]).toEqual([4, 7, [0, 1], [2, 0]]);
  });

  it('are refused outside the dataset, and pixels that do not fit the labels', () => {
    expect(() => subset(numbered(3), [0, 3])).toThrow(/index 3 is outside numbered \(3 pictures\)/);
    const { labels, ...spec } = { ...numbered(2), pixels: new Uint8Array(5) };
    expect(() => createMemoryDataset({ ...spec, labels })).toThrow(/5 bytes are not 2 pictures of 12 bytes/);
  });
});
