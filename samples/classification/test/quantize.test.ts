import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resnet8, saveWeights } from '@nncf/zoo';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { quantizeCommand } from '../src/commands/quantize.ts';
import { silentProgress } from '@nncf/sample-training';
import { quantizeRun, type QuantizeResult, type QuantizeSettings } from '../src/run/quantize.ts';
import { resolveSettings, type Flags } from '../src/settings/settings.ts';

let folder: string;
let lines: string[] = [];

/** A folder dataset of two plain colours, and a small network with random weights. */
beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'nncf-quantize-'));
  for (const [split, count] of [
    ['train', 3],
    ['val', 2],
  ] as const)
    for (const [name, colour] of [
      ['dark', 40],
      ['light', 220],
    ] as const)
      await paint(split, name, colour, count);
  const model = resnet8({ inputShape: [16, 16, 3], classes: 2, width: 0.5, seed: 3 });
  await saveWeights(model, join(folder, 'weights.safetensors'));
  model.dispose();
  const config = { model: 'resnet8', model_params: { width: 0.5 }, dataset: 'folder', image_size: 16 };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function paint(split: string, name: string, colour: number, count: number): Promise<void> {
  const dir = join(folder, 'data', split, name);
  await mkdir(dir, { recursive: true });
  for (let index = 0; index < count; index++) {
    const create = { width: 24, height: 20, channels: 3, background: { r: colour, g: colour + index, b: colour } } as const;
    await sharp({ create })
      .jpeg()
      .toFile(join(dir, `${index}.jpg`));
  }
}

async function execute(asked: Partial<QuantizeSettings>, flags: Flags = {}): Promise<QuantizeResult> {
  lines = [];
  const [config, weights] = [join(folder, 'config.json'), join(folder, 'weights.safetensors')];
  const settings = await resolveSettings({ config, weights, data: join(folder, 'data'), ...flags });
  const voice = { say: (line: string) => void lines.push(line), progress: silentProgress };
  return quantizeRun(settings, { options: {}, subsetSize: 5, ...asked }, voice);
}

test('quantizes without training, evaluates, exports, and leaves no tensor', async () => {
  const before = tf.memory().numTensors;
  const { float, quantized, onnx, report } = await execute({ testSize: 3 }, { toOnnx: join(folder, 'int8.onnx') });
  expect(tf.memory().numTensors).toBe(before);
  expect([float.count, quantized.count, onnx?.count]).toEqual([3, 3, 3]);
  expect(quantized.predictions.length).toBe(3);
  expect(report.biasCorrection.map(({ layer }) => layer)).toContain('dense/MatMul_0');
  expect(lines[0]).toMatch(/5 pictures to calibrate, 3 to evaluate/u);
  expect(lines.some((line) => /^drop -?\d+\.\d\d points, the same class as in floating point on .* s of CPU$/u.test(line))).toBe(true);
});

test('keeps within a drop that is asked for', async () => {
  const { float, quantized } = await execute({ maxDrop: 0, options: { config: { weights: { bits: 2 } }, biasCorrection: false } });
  expect(quantized.top1).toBeGreaterThanOrEqual(float.top1);
});

test('the command line says what is missing', async () => {
  const command = quantizeCommand()
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  await expect(command.parseAsync(['--model', 'resnet20'], { from: 'user' })).rejects.toThrow(/--weights/u);
  await expect(execute({}, { dataset: 'imagenet-samples', data: '/nowhere.tar' })).rejects.toMatchObject({ code: 'DATASET_MISSING' });
});
