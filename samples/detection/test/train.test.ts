import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import type { JsonObject } from '@nncf/core';
import { detectionBatches, vocDataset, type DetectionBatch, type DetectionDataset } from '@nncf/datasets';
import {
  compress,
  compressedSubject,
  createOptimizer,
  plainSubject,
  silentProgress,
  trainingStep,
  type Subject,
} from '@nncf/sample-training';
import { createDetector, type Detector } from '@nncf/zoo';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../src/run/run.ts';
import { resolveSettings } from '../src/settings/settings.ts';
import { detection } from '../src/train/task.ts';
import { writeTinyVoc } from './support/tiny-voc.ts';

const folder = mkdtempSync(join(tmpdir(), 'nncf-detection-'));
const data = join(folder, 'data');
const pair = join(folder, 'pair');
const PICTURES = { size: [64, 64], normalization: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } } as const;

beforeAll(async () => {
  await useBackend({ quiet: true });
  await writeTinyVoc(data, { trainval: 4 });
  await writeTinyVoc(pair, { trainval: 2, test: 1 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Losses of ten steps on one batch. */
function tenSteps(subject: Subject, detector: Detector, train: DetectionDataset, batch: DetectionBatch): number[] {
  const options = { type: 'adam', momentum: 0.9, nesterov: false, weightDecay: 0, decay: 'l2' } as const;
  const main = createOptimizer(options);
  const step = trainingStep(main, subject.group?.(main) ?? main, subject.trained, options);
  const task = detection({ detector, train, batchSize: 4, ...PICTURES });
  return Array.from({ length: 10 }, (_, index) => {
    const loss = step(() => task.step(subject.model, batch, { progress: 0, step: index }).loss, 0.002);
    return loss.dataSync()[0]!;
  });
}

describe('training', () => {
  it.each([undefined, { compression: { algorithm: 'quantization', initializer: { range: { num_init_samples: 4 } } } }])(
    'makes the loss of a batch fall (%j)',
    async (config) => {
      const train = await vocDataset(data, 'trainval');
      const detector = createDetector('ssd300_mobilenet_v1', {
        inputShape: [64, 64, 3],
        width: 0.25,
        classes: 3,
        batchNorm: false,
        seed: 2,
      });
      const batches = detectionBatches(train, { batchSize: 4, ...PICTURES });
      const subject =
        config === undefined
          ? plainSubject(detector.model)
          : compressedSubject(await compress(detector.model, config, { data: batches, progress: silentProgress }));
      for await (const batch of batches) {
        const losses = tenSteps(subject, detector, train, batch);
        expect(losses[9]).toBeLessThan(0.9 * losses[0]!);
      }
    },
  );
});

/** Configurations in small: few channels, small pictures, one batch an epoch. */
async function shrunk(file: URL): Promise<JsonObject> {
  const config = JSON.parse(await readFile(file, 'utf8')) as JsonObject;
  // SSD300 with VGG-16 ends in one place from 257 pixels on.
  const side = String(config['model']).includes('vgg') ? 260 : 64;
  const text = JSON.stringify({
    ...config,
    dataset: 'voc',
    data: pair,
    batch_size: 2,
    epochs: 2,
    test_every_n_epochs: 2,
    model_params: { ...(config['model_params'] as JsonObject), width: 0.0625 },
    input_info: { sample_size: [1, side, side, 3] },
  });
  return JSON.parse(text.replaceAll(/"num_init_samples":\d+/gu, '"num_init_samples":2')) as JsonObject;
}

describe('configurations', async () => {
  const root = new URL('../../../configs/detection/', import.meta.url);
  const files = (await readdir(root)).filter((name) => name.endsWith('.json'));

  it.each(files)('%s trains for two steps', async (name) => {
    const config = join(folder, name);
    writeFileSync(config, JSON.stringify(await shrunk(new URL(name, root))));
    const settings = await resolveSettings({ config, logDir: join(folder, 'log') });
    const lines: string[] = [];
    const { score } = await run('train', settings, { say: (line) => void lines.push(line), progress: silentProgress });
    expect(lines.filter((line) => /^epoch \d\/2: loss \d/u.test(line))).toHaveLength(2);
    expect(score!.count).toBe(1);
  });
});
