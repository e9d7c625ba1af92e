import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { createCompressionAlgorithm } from '@nncf/core';
import { Distillation, frozenCopy } from '@nncf/distillation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compressedSubject,
  learningRateSchedule,
  plainSubject,
  train as trainFor,
  type EpochRecord,
  type Subject,
  type TrainOptions as LoopOptions,
  type TrainResult,
} from '@nncf/sample-training';
import { classification, type ClassificationOptions } from '../src/train/task.ts';
import { stripes, tinyNetwork } from './tiny.ts';

type TrainOptions = LoopOptions & ClassificationOptions;

const train = (subject: Subject, options: TrainOptions): Promise<TrainResult> => trainFor(subject, classification(options), options);

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
    expect(result.best.score).toBeGreaterThanOrEqual(result.final);
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

describe('a binary network', () => {
  const STAGES = {
    activations_quant_start_epoch: 1,
    weights_quant_start_epoch: 2,
    lr_poly_drop_start_epoch: 3,
    lr_poly_drop_duration_epochs: 2,
  };

  async function binary(seed?: number): Promise<{ subject: Subject; remove: () => void }> {
    const params = { ...STAGES, base_lr: 0.02 };
    const algo = await createCompressionAlgorithm(tinyNetwork(seed), { compression: { algorithm: 'binarization', params } });
    return { subject: compressedSubject(algo), remove: () => algo.remove() };
  }

  const staged = (extra: Partial<TrainOptions> = {}): TrainOptions =>
    options({ epochs: 5, optimizer: { type: 'adam' }, stageCheckpoint: (stage) => join(folder, `stage-${stage}.safetensors`), ...extra });

  test('says its stage, keeps a checkpoint of each, and goes on from the second as if never stopped', async () => {
    const records: EpochRecord[] = [];
    const whole = await binary();
    const result = await train(whole.subject, staged({ onEpoch: (record) => void records.push(record) }));
    expect(records.map(({ note }) => note?.slice(0, 12))).toEqual([
      'stage 2 of 4',
      'stage 3 of 4',
      ...Array<string>(3).fill('stage 4 of 4'),
    ]);
    expect(records[0]?.note).toContain(', 0.0 % of the multiply-adds are binary');
    // 4·4·4·9 of the convolution, 64·2 of the dense layer.
    expect(records[1]?.note).toContain(`${((100 * 576) / (576 + 128)).toFixed(1)} %`);
    expect(records.map(({ rate }) => rate)).toEqual([0.02, 0.02, 0.02, expect.closeTo(0.02 * 0.5 ** 2.1, 10), 0]);
    for (const stage of [1, 2, 3, 4]) expect(readFileSync(join(folder, `stage-${stage}.safetensors`)).length).toBeGreaterThan(0);
    // The best is of the last stage, whatever floating point had reached.
    expect(result.best.epoch).toBeGreaterThan(3);
    const resumed = await binary(9);
    const again = await train(resumed.subject, staged({ resume: join(folder, 'stage-2.safetensors'), stageCheckpoint: undefined }));
    expect(weights(resumed.subject.model)).toEqual(weights(whole.subject.model));
    expect(again.best).toEqual(result.best);
    for (const { remove } of [whole, resumed]) remove();
  });

  test('learns from a teacher', async () => {
    const model = tinyNetwork();
    const teacher = await frozenCopy(model);
    const before = weights(teacher);
    const losses = await Promise.all(
      [0, 2].map(async (weight) => {
        const found: number[] = [];
        const distillation = new Distillation((x) => tf.mul(teacher.apply(x) as tf.Tensor, -3), { weight });
        const onEpoch = ({ loss }: EpochRecord): void => void found.push(loss);
        await train(plainSubject(tinyNetwork()), options({ epochs: 1, learningRate: () => 1e-9, distillation, onEpoch }));
        return found[0]!;
      }),
    );
    // Against a teacher of the opposite opinion the same network has more to lose.
    expect(losses[1]).toBeGreaterThan(losses[0]! + 0.1);
    expect(weights(teacher)).toEqual(before);
  });
});
