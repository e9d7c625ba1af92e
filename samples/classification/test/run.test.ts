import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentProgress, type Mode } from '@nncf/sample-training';
import { evaluateOnnx } from '../src/run/onnx-runtime.ts';
import { run, type RunResult } from '../src/run/run.ts';
import { resolveSettings, type Flags } from '../src/settings/settings.ts';
import { stripes } from './tiny.ts';

let folder: string;
let config: string;
let lines: string[] = [];

/** A folder dataset of two plain colours, and a configuration that quantizes a ResNet-8 on it. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'nncf-run-'));
  for (const [split, count] of [
    ['train', 6],
    ['val', 3],
  ] as const) {
    for (const [name, colour] of [
      ['dark', 40],
      ['light', 220],
    ] as const)
      await paint(split, name, colour, count);
  }
  config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = {
  model: 'resnet8',
  model_params: { width: 0.5 },
  dataset: 'folder',
  image_size: 16,
  batch_size: 4,
  epochs: 1,
  optimizer: { type: 'SGD', base_lr: 0.01 },
  compression: { algorithm: 'quantization', initializer: { range: { num_init_samples: 8 } } },
};

async function paint(split: string, name: string, colour: number, count: number): Promise<void> {
  const dir = join(folder, 'data', split, name);
  await mkdir(dir, { recursive: true });
  for (let index = 0; index < count; index++) {
    const background = { r: colour, g: colour + index, b: colour };
    await sharp({ create: { width: 24, height: 20, channels: 3, background } })
      .jpeg()
      .toFile(join(dir, `${index}.jpg`));
  }
}

async function execute(mode: Mode, flags: Flags): Promise<RunResult> {
  lines = [];
  const settings = await resolveSettings({ config, data: join(folder, 'data'), logDir: join(folder, 'log'), ...flags });
  return run(mode, settings, { say: (line) => void lines.push(line), progress: silentProgress });
}

describe('run', () => {
  test('train writes log, checkpoint, weights and the ONNX file, and leaves no tensor', async () => {
    await execute('train', {});
    const before = tf.memory().numTensors;
    const result = await execute('train', { toOnnx: join(folder, 'trained.onnx') });
    expect(tf.memory().numTensors).toBe(before);
    expect(result.top1).toBeGreaterThanOrEqual(0);
    expect(result.onnxTop1).toBeCloseTo(result.top1!, 5);
    for (const name of ['log.csv', 'checkpoint.safetensors', 'final.safetensors'])
      expect((await stat(join(folder, 'log', name))).size).toBeGreaterThan(0);
    expect(lines.some((line) => line.startsWith('epoch 1/1: loss'))).toBe(true);
  });

  test('test evaluates the checkpoint and gives the same score', async () => {
    const trained = await execute('train', { epochs: 2 });
    const tested = await execute('test', { resume: true });
    expect(tested.top1).toBe(trained.top1);
    expect(tested.onnxFile).toBeUndefined();
  });

  test('export writes to the log folder, an INT8 file smaller than the FP32 one', async () => {
    const int8 = await execute('export', { resume: true });
    expect(int8.onnxFile).toBe(join(folder, 'log', 'model.onnx'));
    const { compression: _, ...float } = CONFIG;
    const plain = join(folder, 'float.json');
    writeFileSync(plain, JSON.stringify(float));
    const fp32 = await execute('export', { config: plain, logDir: join(folder, 'float') });
    const [small, large] = await Promise.all([int8, fp32].map(async ({ onnxFile }) => (await readFile(onnxFile!)).length));
    expect(small!).toBeLessThan(0.5 * large!);
  });

  test('chooses bit widths by the curvature of its cross entropy', async () => {
    const mixed = join(folder, 'mixed.json');
    const precision = { type: 'hawq', bits: [4, 8], iter_number: 1, num_data_points: 4, compression_ratio: 1.3 };
    const compression = { ...CONFIG.compression, initializer: { ...CONFIG.compression.initializer, precision } };
    writeFileSync(mixed, JSON.stringify({ ...CONFIG, compression }));
    const result = await execute('test', { config: mixed, toOnnx: join(folder, 'mixed.onnx') });
    expect(result.onnxTop1).toBeCloseTo(result.top1!, 5);
  });

  test('weights of a run start another', async () => {
    await execute('train', {});
    const again = await execute('test', { weights: join(folder, 'log', 'final.safetensors') });
    expect(again.top1).toBeGreaterThanOrEqual(0);
  });
});

describe('binarization', () => {
  const binary = {
    ...CONFIG,
    compression: { algorithm: 'binarization', preset: 'paper', params: { weights_quant_start_epoch: 1, base_lr: 1e-3 } },
    distillation: { temperature: 2 },
  };

  test('learns from its floating-point self, and leaves checkpoints of its stages and no tensor', async () => {
    const config = join(folder, 'binary.json');
    writeFileSync(config, JSON.stringify(binary));
    await execute('train', {});
    const weights = join(folder, 'log', 'final.safetensors');
    const before = tf.memory().numTensors;
    const trained = await execute('train', {
      config,
      weights,
      epochs: 2,
      logDir: join(folder, 'binary'),
      toOnnx: join(folder, 'binary.onnx'),
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(trained.onnxTop1).toBeCloseTo(trained.top1!, 5);
    expect(lines.filter((line) => line.includes('stage')).map((line) => /stage . of 4, [1-9]?0\.0|stage . of 4/u.exec(line)?.[0])).toEqual([
      'stage 2 of 4, 0.0',
      'stage 3 of 4',
      'stage 3 of 4',
    ]);
    for (const stage of [2, 3]) expect((await stat(join(folder, 'binary', `stage-${stage}.safetensors`))).size).toBeGreaterThan(0);
    const tested = await execute('test', { config, weights, resume: join(folder, 'binary', 'stage-3.safetensors') });
    expect(tested.top1).toBe(trained.top1);
  });

  test('needs a trained teacher', async () => {
    const config = join(folder, 'teacher.json');
    writeFileSync(config, JSON.stringify(binary));
    await expect(execute('train', { config })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(/teacher/) });
  });
});

describe('bad input', () => {
  const known: readonly [string, Mode, Flags, string, RegExp][] = [
    ['an unknown model', 'test', { model: 'resnet9' }, 'UNKNOWN_MODEL', /resnet20/],
    ['an unknown dataset', 'test', { dataset: 'svhn' }, 'CONFIG_INVALID', /mnist, cifar10, imagenet and folder/],
    ['a data folder that is not there', 'test', { data: '/nowhere/at/all' }, 'DATASET_MISSING', /nowhere/],
    ['weights that are not there', 'test', { weights: '/nowhere.safetensors' }, 'FILE_UNREADABLE', /nowhere/],
    ['a checkpoint that is not there', 'test', { resume: '/nowhere.safetensors' }, 'FILE_UNREADABLE', /nowhere/],
  ];

  test.each(known)('%s', async (_, mode, flags, code, message) => {
    await expect(execute(mode, flags)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test('a log folder that cannot be made stops before the first step', async () => {
    const file = join(folder, 'occupied');
    writeFileSync(file, '');
    await expect(execute('train', { logDir: join(file, 'log') })).rejects.toMatchObject({
      code: 'FILE_UNWRITABLE',
      message: expect.stringMatching(/occupied/),
    });
    expect(lines.some((line) => line.startsWith('epoch'))).toBe(false);
  });

  test('a damaged checkpoint is refused', async () => {
    const file = join(folder, 'damaged.safetensors');
    writeFileSync(file, 'this is no checkpoint');
    await expect(execute('test', { resume: file })).rejects.toMatchObject({
      code: 'CHECKPOINT_CORRUPT',
      message: expect.stringMatching(/damaged/),
    });
  });

  test('an unknown key of the compression is found before training, with its pointer', async () => {
    const file = join(folder, 'typo.json');
    writeFileSync(file, JSON.stringify({ ...CONFIG, compression: { algorithm: 'quantization', weigths: { bits: 4 } } }));
    await expect(execute('train', { config: file, logDir: join(folder, 'typo') })).rejects.toMatchObject({
      message: expect.stringMatching(/\/compression\/weigths/),
    });
    expect(existsSync(join(folder, 'typo'))).toBe(false);
  });

  test('a file that is no ONNX is named', async () => {
    const file = join(folder, 'broken.onnx');
    writeFileSync(file, 'no protobuf');
    await expect(evaluateOnnx(file, stripes(2))).rejects.toMatchObject({ code: 'CORRUPT_FILE', message: expect.stringMatching(/broken/) });
  });
});
