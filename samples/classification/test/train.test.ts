import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@nncf/quantization';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { createCompressionAlgorithm } from '@nncf/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { learningRateSchedule } from '../src/train/learning-rate.ts';
import { compressedSubject, plainSubject, type Subject } from '../src/train/subject.ts';
import { train, type TrainOptions } from '../src/train/train.ts';
import { openTrainLog } from '../src/train/train-log.ts';
import { stripes, tinyNetwork } from './tiny.ts';

const data = stripes(60);
let folder: string;

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'nncf-train-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function options(extra: Partial<TrainOptions> = {}): TrainOptions {
  return {
    train: data,
    test: data,
    epochs: 4,
    batchSize: 10,
    seed: 3,
    augment: { flip: true },
    learningRate: learningRateSchedule({ base: 0.05, epochs: 4 }),
    optimizer: { weightDecay: 1e-3 },
    ...extra,
  };
}

function weights(model: tfl.LayersModel): number[] {
  return model.getWeights().flatMap((weight) => [...weight.dataSync()]);
}

async function quantized(model: tfl.LayersModel): Promise<Subject> {
  const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } });
  await algo.initialize([tf.tidy(() => tf.randomNormal([8, 6, 6, 1], 0, 1, 'float32', 1))]);
  return compressedSubject(algo);
}

describe('train', () => {
  test('learns', async () => {
    const result = await train(plainSubject(tinyNetwork()), options({ epochs: 8 }));
    expect(result.final).toBeGreaterThan(0.9);
    expect(result.best.top1).toBeGreaterThanOrEqual(result.final);
    expect(result.steps).toBe(48);
  });

  test.each([
    ['a plain model', (model: tfl.LayersModel) => Promise.resolve(plainSubject(model))],
    ['a quantized model', quantized],
  ])('stopped and resumed, %s ends with the same weights', async (name, subjectOf) => {
    const checkpoint = join(folder, `${name}.safetensors`);
    const whole = tinyNetwork();
    await train(await subjectOf(whole), options());
    const first = await subjectOf(tinyNetwork());
    await train(first, options({ epochs: 2, checkpoint }));
    const second = await subjectOf(tinyNetwork(9));
    await train(second, options({ checkpoint, resume: true }));
    const [expected, found] = [weights(whole), weights(second.model)];
    expected.forEach((value, place) => expect(found[place]).toBeCloseTo(value, 5));
  });

  test('an epoch leaves no tensor behind', async () => {
    const subject = await quantized(tinyNetwork());
    const checkpoint = join(folder, 'leak.safetensors');
    await train(subject, options({ epochs: 1, checkpoint }));
    const before = tf.memory().numTensors;
    await train(subject, options({ epochs: 3, checkpoint }));
    expect(tf.memory().numTensors).toBe(before);
  });

  test('windows of the first epochs are smaller pictures', async () => {
    const shapes: number[] = [];
    const model = fullyConvolutional(shapes);
    await train(plainSubject(model), options({ epochs: 2, window: { size: 4, epochs: 1 }, progressEvery: 1 }));
    expect(new Set(shapes.slice(0, 6))).toEqual(new Set([4]));
    expect(shapes.at(-1)).toBe(6);
  });

  test('a loss that is no number stops the run with the epoch', async () => {
    const diverging = options({ learningRate: () => 1e30, progressEvery: 1 });
    await expect(train(plainSubject(tinyNetwork()), diverging)).rejects.toMatchObject({
      code: 'NON_FINITE',
      message: expect.stringContaining('epoch 1'),
    });
  });

  test('a damaged checkpoint is refused and nothing is changed', async () => {
    const checkpoint = join(folder, 'damaged.safetensors');
    await train(plainSubject(tinyNetwork()), options({ epochs: 1, checkpoint }));
    writeFileSync(checkpoint, readFileSync(checkpoint).subarray(0, 200));
    const model = tinyNetwork(5);
    const before = weights(model);
    await expect(train(plainSubject(model), options({ checkpoint, resume: true }))).rejects.toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
    expect(weights(model)).toEqual(before);
  });
});

/** Notes the height of the pictures that it is given in training. */
function fullyConvolutional(heights: number[]): tfl.LayersModel {
  const model = tinyNetwork();
  const apply = model.apply.bind(model);
  const pooled = (x: tf.Tensor4D): tf.Tensor4D => tf.image.resizeBilinear(x, [6, 6]);
  Object.assign(model, {
    apply: (x: tf.Tensor4D, args: { training?: boolean }) => {
      if (args.training === true) heights.push(x.shape[1]);
      return apply(pooled(x), args);
    },
  });
  return model;
}

describe('openTrainLog', () => {
  test('appends epochs as rows, also after a resume', async () => {
    const dir = join(folder, 'log');
    const record = { epoch: 1, loss: 0.5, trainAccuracy: 0.75, rate: 0.1, top1: 0.8, seconds: 2 };
    await (await openTrainLog(dir, false)).write(record);
    await (await openTrainLog(dir, true)).write({ ...record, epoch: 2, top1: undefined });
    const lines = readFileSync(join(dir, 'log.csv'), 'utf8').trim().split('\n');
    expect(lines).toEqual([
      'epoch,loss,trainAccuracy,rate,top1,seconds',
      '1,0.50000,0.75000,0.10000,0.80000,2.0',
      '2,0.50000,0.75000,0.10000,,2.0',
    ]);
  });

  test('a folder that cannot be made is named', async () => {
    const file = join(folder, 'a-file');
    writeFileSync(file, '');
    await expect(openTrainLog(join(file, 'log'), false)).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      message: expect.stringContaining('a-file'),
    });
  });
});
