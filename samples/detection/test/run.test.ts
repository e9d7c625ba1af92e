import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { silentProgress, type Mode } from '@nncf/sample-training';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { boxesSvg, drawBoxes } from '../src/pictures/draw-boxes.ts';
import { run, type RunResult } from '../src/run/run.ts';
import { resolveSettings, type Flags } from '../src/settings/settings.ts';
import { writeTinyVoc } from './support/tiny-voc.ts';

const folder = mkdtempSync(join(tmpdir(), 'nncf-detection-'));
const data = join(folder, 'data');
let lines: string[] = [];

const CONFIG = {
  model: 'ssd300_mobilenet_v1',
  model_params: { width: 0.125, batch_norm: false },
  dataset: 'voc',
  data: { path: data, train: 'train', test: 'test' },
  batch_size: 3,
  epochs: 1,
  preprocessing: { expand: 1 },
  optimizer: { type: 'SGD', base_lr: 0.001 },
  input_info: { sample_size: [1, 64, 64, 3] },
};
const INT8 = { algorithm: 'quantization', initializer: { range: { num_init_samples: 3 } } };

function configFile(name: string, content: object): string {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}

async function execute(mode: Mode, config: object, flags: Flags = {}): Promise<RunResult> {
  lines = [];
  const settings = await resolveSettings({ config: configFile('run', config), logDir: join(folder, 'log'), ...flags });
  return run(mode, settings, { say: (line) => void lines.push(line), progress: silentProgress });
}

beforeAll(async () => {
  await useBackend({ quiet: true });
  await writeTinyVoc(data, { train: 6, test: 3 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('run', () => {
  it("chooses bit widths by the curvature of the detector's loss", async () => {
    const precision = { type: 'hawq', bits: [4, 8], iter_number: 1, num_data_points: 3, compression_ratio: 1.3 };
    const compression = { algorithm: 'quantization', initializer: { range: { num_init_samples: 3 }, precision } };
    const { score } = await execute('test', { ...CONFIG, compression });
    expect(score!.count).toBe(3);
  });

  it('train writes log, checkpoint, weights and a file that gives the same boxes, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    const { score, onnxScore } = await execute('train', CONFIG, { toOnnx: join(folder, 'trained.onnx') });
    expect(tf.memory().numTensors).toBe(before);
    expect(score!.count).toBe(3);
    expect(onnxScore!.voc.map).toBeCloseTo(score!.voc.map, 4);
    expect(onnxScore!.coco.ap).toBeCloseTo(score!.coco.ap, 4);
    for (const name of ['log.csv', 'checkpoint.safetensors', 'final.safetensors'])
      expect((await stat(join(folder, 'log', name))).size).toBeGreaterThan(0);
    expect(lines.some((line) => line.startsWith('epoch 1/1: loss'))).toBe(true);
    const tested = await execute('test', CONFIG, { resume: true });
    expect(tested.score).toEqual(score);
  });

  it('goes on under compression from its own weights, and draws both networks', async () => {
    const weights = join(folder, 'log', 'final.safetensors');
    const float = await execute('export', CONFIG, { weights, toOnnx: join(folder, 'float.onnx') });
    const pictures = join(folder, 'pictures');
    const int8 = { weights, floatWeights: weights, pictures, pictureCount: 2, logDir: join(folder, 'int8') };
    const { onnxFile } = await execute('train', { ...CONFIG, compression: INT8 }, { ...int8, toOnnx: join(folder, 'int8', 'model.onnx') });
    const [small, large] = await Promise.all([onnxFile, float.onnxFile].map(async (file) => (await readFile(file!)).length));
    expect(small!).toBeLessThan(0.8 * large!);
    expect(await readdir(pictures)).toEqual(['001.png', '002.png']);
    // Truth, floating point, network; four pixels between them.
    expect(await sharp(join(pictures, '001.png')).metadata()).toMatchObject({ width: 3 * 48 + 8, height: 48 });
  });

  it('goes past a broken picture, which is named', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
    const broken = join(folder, 'broken');
    await writeTinyVoc(broken, { train: 4, test: 1 });
    await writeFile(join(broken, 'JPEGImages/train2.jpg'), 'no picture');
    await writeFile(join(broken, 'Annotations/train3.xml'), '');
    const { score } = await execute('train', { ...CONFIG, batch_size: 1, epochs: 2, data: { ...CONFIG.data, path: broken } });
    expect(score!.count).toBe(1);
    const said = warn.mock.calls.map(([line]) => String(line));
    warn.mockRestore();
    expect(said.filter((line) => line.includes('train2.jpg'))).toHaveLength(1);
    expect(said.filter((line) => line.includes('train3.xml'))).toHaveLength(1);
  });
});

describe('settings', () => {
  const settings = (content: object, flags: Flags = {}): ReturnType<typeof resolveSettings> =>
    resolveSettings({ config: configFile('settings', content), ...flags });

  it("understand the keys of NNCF's samples", async () => {
    const resolved = await settings({
      model: 'ssd_vgg',
      input_info: { sample_size: [1, 3, 512, 512] },
      dataset: 'voc',
      data: 'somewhere',
      ssd_params: {
        variance: [0.1, 0.1, 0.2, 0.2],
        steps: [8],
        min_sizes: [30],
        max_sizes: [60],
        aspect_ratios: [[2]],
        clip: false,
        flip: true,
        top_k: 200,
      },
    });
    expect(resolved).toMatchObject({ model: 'ssd512_vgg', size: [512, 512], data: 'somewhere', trainSplit: 'trainval', testSplit: 'test' });
    expect(resolved.priors).toEqual({ steps: [8], minSizes: [30], maxSizes: [60], aspectRatios: [[2]], clip: false });
    expect(resolved.selection).toEqual({ limit: 200 });
  });

  it('let flags win, and suppress with MobileNet as its publishers do', async () => {
    const resolved = await settings(CONFIG, { data: 'elsewhere', testSplit: 'val', batchSize: 2, dataset: 'coco' });
    expect(resolved).toMatchObject({ data: 'elsewhere', testSplit: 'val', trainSplit: 'train', batchSize: 2, dataset: 'coco' });
    expect(resolved.selection).toEqual({ overlapThreshold: 0.6 });
    expect(resolved.augment).toEqual({ photometric: true, expand: 1, crop: true, flip: true });
  });

  it.each([
    ['no data', { ...CONFIG, data: undefined }, /no data is given/],
    ['a layout that is not known', { ...CONFIG, dataset: 'kitti' }, /kitti.*Known are voc and coco/su],
    ['other variances', { ...CONFIG, ssd_params: { variance: [0.1, 0.1, 0.1, 0.1] } }, /ssd_params\/variance/],
    ['a picture of one axis', { ...CONFIG, input_info: { sample_size: [1, 300] } }, /\[1, 300\] is no picture/],
  ])('refuse %s', async (_, content, message) => {
    await expect(settings(content)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) });
  });

  it('refuse the published weights for another network', async () => {
    const weights = join(folder, 'ssd_mobilenet_v1_0.75_300_coco.safetensors');
    await expect(execute('test', CONFIG, { weights })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/width.*0\.75/su),
    });
  });

  it('every configuration of the repository is understood', async () => {
    const root = new URL('../../../configs/detection/', import.meta.url);
    const files = (await readdir(root)).filter((name) => name.endsWith('.json'));
    expect(files.length).toBeGreaterThanOrEqual(8);
    for (const file of files) {
      const resolved = await resolveSettings({ config: new URL(file, root).pathname, data: 'somewhere' });
      expect(file.startsWith(resolved.model)).toBe(true);
      expect([file, resolved.compression !== undefined]).toEqual([file, file.includes('int8')]);
    }
  });
});

describe('drawn boxes', () => {
  const detections = {
    boxes: Float32Array.of(0.25, 0.25, 0.75, 0.75, 0, 0, 1, 1),
    labels: Int32Array.of(1, 2),
    scores: Float32Array.of(0.9, 0.4),
  };

  it('are those of a sure network, with names and scores', () => {
    const svg = boxesSvg({ detections, classNames: ['background', 'a<b', 'c'] }, 40, 20);
    expect(svg.match(/<rect /gu)).toHaveLength(1);
    expect(svg).toContain('x="10.0" y="5.0" width="20.0" height="10.0"');
    expect(svg).toContain('>a&lt;b 0.90</text>');
    expect(
      boxesSvg({ detections: { boxes: detections.boxes, labels: detections.labels }, classNames: [] }, 40, 20).match(/<rect /gu),
    ).toHaveLength(2);
  });

  it('lie on the picture', async () => {
    const black = await sharp({ create: { width: 40, height: 40, channels: 3, background: 'black' } })
      .png()
      .toBuffer();
    const drawn = await sharp(await drawBoxes(black, { detections, classNames: ['background', 'thing'] }))
      .removeAlpha()
      .raw()
      .toBuffer();
    const at = (x: number, y: number): number => Math.max(...drawn.subarray(3 * (40 * y + x), 3 * (40 * y + x) + 3));
    expect([at(10, 20) > 100, at(29, 25) > 100, at(20, 30) > 100, at(35, 35), at(2, 2)]).toEqual([true, true, true, 0, 0]);
  });
});
