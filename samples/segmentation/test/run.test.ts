import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { silentProgress, type Mode } from '@nncf/sample-training';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openData } from '../src/run/data.ts';
import { openModel } from '../src/run/model.ts';
import { run, type RunResult } from '../src/run/run.ts';
import { resolveSettings, type Flags } from '../src/settings/settings.ts';

const CONFIG = {
  model: 'unet',
  model_params: { width: 0.0625, depth: 2 },
  input_info: { sample_size: [1, 16, 16, 3] },
  batch_size: 2,
  epochs: 1,
  optimizer: { type: 'Adam', base_lr: 0.01 },
  criterion: { class_weights: 'median_frequency' },
  preprocessing: { scale: [1, 1.5], flip: true },
  compression: { algorithm: 'quantization', initializer: { range: { num_init_samples: 4 } } },
};

let folder: string;
let config: string;
let lines: string[] = [];

/** A dataset in CamVid's layout of dark ground under a light sky, and a configuration for a UNet of two levels. */
beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = mkdtempSync(join(tmpdir(), 'nncf-segmentation-run-'));
  for (const [split, count] of [
    ['train', 5],
    ['test', 2],
  ] as const) {
    for (const dir of [split, `${split}annot`]) await mkdir(join(folder, 'data', dir), { recursive: true });
    for (let place = 0; place < count; place++) await paint(split, place);
  }
  config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify(CONFIG));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function paint(split: string, place: number): Promise<void> {
  const horizon = 6 + 2 * place;
  const mask = Uint8Array.from({ length: 400 }, (_, at) => (at === 399 ? 11 : at < 20 * horizon ? 0 : 3));
  const rgb = Uint8Array.from({ length: 1200 }, (_, at) => (mask[Math.floor(at / 3)] === 0 ? 230 : 30));
  const raw = { width: 20, height: 20 } as const;
  await sharp(rgb, { raw: { ...raw, channels: 3 } })
    .png()
    .toFile(join(folder, 'data', split, `${place}.png`));
  await sharp(mask, { raw: { ...raw, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(join(folder, 'data', `${split}annot`, `${place}.png`));
}

async function execute(mode: Mode, flags: Flags): Promise<RunResult> {
  lines = [];
  const settings = await resolveSettings({ config, data: join(folder, 'data'), logDir: join(folder, 'log'), ...flags });
  return run(mode, settings, { say: (line) => void lines.push(line), progress: silentProgress });
}

describe('run', () => {
  it("chooses bit widths by the curvature of the pixels' loss", async () => {
    const precision = { type: 'hawq', bits: [4, 8], iter_number: 1, num_data_points: 2, compression_ratio: 1.3 };
    const mixed = join(folder, 'mixed.json');
    writeFileSync(
      mixed,
      JSON.stringify({ ...CONFIG, compression: { algorithm: 'quantization', initializer: { range: { num_init_samples: 4 }, precision } } }),
    );
    const { score } = await execute('test', { config: mixed });
    expect(score!.meanIoU).toBeGreaterThan(0);
  });

  it('trains under compression, exports, draws, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const pictures = join(folder, 'pictures');
    const { score, onnxScore } = await execute('train', { toOnnx: join(folder, 'unet.onnx'), pictures, pictureCount: 1 });
    expect(tf.memory().numTensors).toBe(before);
    expect(score!.iou.filter((value) => value !== undefined).length).toBeGreaterThanOrEqual(2);
    // The two dataset classes and the pixel that is ignored, in two pictures of 16 × 16.
    expect(score!.pixels).toBe(2 * 255);
    expect(onnxScore!.meanIoU).toBeCloseTo(score!.meanIoU, 1);
    for (const name of ['log.csv', 'checkpoint.safetensors', 'final.safetensors'])
      expect((await stat(join(folder, 'log', name))).size).toBeGreaterThan(0);
    expect(lines.some((line) => line.startsWith('epoch 1/1: loss'))).toBe(true);
    expect(await readdir(pictures)).toEqual(['001.png']);
    expect(await sharp(join(pictures, '001.png')).metadata()).toMatchObject({ width: 3 * 16 + 8, height: 16 });
  });

  it('tests a checkpoint, with the floating-point network beside it in the pictures', async () => {
    const trained = await execute('train', { epochs: 1 });
    const pictures = join(folder, 'both');
    const floatWeights = join(folder, 'log', 'final.safetensors');
    const tested = await execute('test', { resume: true, pictures, pictureCount: 2, floatWeights });
    expect(tested.score).toEqual(trained.score);
    expect(tested.onnxFile).toBeUndefined();
    expect(await readdir(pictures)).toEqual(['001.png', '002.png']);
    expect(await sharp(join(pictures, '002.png')).metadata()).toMatchObject({ width: 4 * 16 + 12 });
  });

  it('learns two classes in a few steps', async () => {
    const float = join(folder, 'float.json');
    const { compression: _, ...plain } = CONFIG;
    writeFileSync(float, JSON.stringify({ ...plain, epochs: 8, test_every_n_epochs: 8 }));
    await execute('train', { config: float, logDir: join(folder, 'float') });
    const log = await readFile(join(folder, 'float', 'log.csv'), 'utf8');
    const losses = log
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[1]));
    expect(losses).toHaveLength(8);
    expect(losses.at(-1)).toBeLessThan(0.8 * losses[0]!);
  });

  it('goes on where a picture is broken, and says which', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const broken = join(folder, 'data', 'train', '9.png');
    await writeFile(broken, 'no picture');
    await sharp(new Uint8Array(400), { raw: { width: 20, height: 20, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(folder, 'data', 'trainannot', '9.png'));
    const { train } = await openData({ dataset: 'camvid', data: join(folder, 'data'), pictureSize: [16, 16] });
    expect(train.size).toBe(5);
    expect(warn.mock.calls.flat().join()).toContain(`${join(folder, 'data', 'train', '9.png')} is left out`);
    warn.mockRestore();
    rmSync(broken);
  });
});

describe('settings', () => {
  it('refuse what is not known', async () => {
    await expect(resolveSettings({})).rejects.toThrow(/no model is given/);
    const settings = await resolveSettings({ model: 'fcn', data: join(folder, 'data') });
    expect(settings).toMatchObject({
      dataset: 'camvid',
      pictureSize: [352, 480],
      classWeights: 'none',
      auxiliary: [0.4, 0.16],
      logDir: 'runs/fcn_camvid',
    });
    const { train } = await openData({ ...settings, pictureSize: [16, 16] });
    await expect(openModel(settings, train, undefined)).rejects.toThrow(/no network called fcn[\s\S]*unet, icnet/);
    await expect(openData({ ...settings, dataset: 'voc' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it.each<[number[], [number, number]]>([
    [
      [1, 32, 64, 3],
      [32, 64],
    ],
    [
      [1, 3, 32, 64],
      [32, 64],
    ],
  ])('take the size of pictures from sample_size %j', async (size, expected) => {
    const file = join(folder, 'size.json');
    writeFileSync(file, JSON.stringify({ model: 'unet', input_info: { sample_size: size } }));
    expect((await resolveSettings({ config: file })).pictureSize).toEqual(expected);
  });

  it('refuse a sample_size that is no picture', async () => {
    const file = join(folder, 'words.json');
    writeFileSync(file, JSON.stringify({ model: 'unet', input_info: { sample_size: [1, 128] } }));
    await expect(resolveSettings({ config: file })).rejects.toThrow(/sample_size \[1, 128\] is no picture/);
  });

  const configs = join(import.meta.dirname, '../../../configs/segmentation');

  it('and every configuration of the folder is understood', async () => {
    const names = await readdir(configs);
    expect(names).toHaveLength(6);
    for (const name of names) {
      const settings = await resolveSettings({ config: join(configs, name) });
      expect(name.startsWith(settings.model)).toBe(true);
      expect(settings.compression === undefined).toBe(!name.includes('int8'));
      expect(settings.pictureSize).toEqual(name.startsWith('unet') ? [144, 192] : [192, 256]);
    }
  });
});
