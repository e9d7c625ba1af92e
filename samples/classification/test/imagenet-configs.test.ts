import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useBackend } from '@nncf/backend';
import type { AlgorithmConfig, NncfConfig } from '@nncf/core';
import { createMemoryDataset, imagenetNormalization, type MemoryDataset } from '@nncf/datasets';
import type { QuantizationConfig } from '@nncf/quantization';
import { compressedSubject, learningRateSchedule, silentProgress, train, type EpochRecord } from '@nncf/sample-training';
import { createModel } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { compressClassifier } from '../src/run/compress.ts';
import { resolveSettings } from '../src/settings/settings.ts';
import { classification } from '../src/train/task.ts';

const CONFIGS = fileURLToPath(new URL('../../../configs/classification/imagenet/', import.meta.url));

beforeAll(async () => {
  await useBackend({ quiet: true });
});

/** Eight pictures of noise. */
function noise(side: number): MemoryDataset {
  return createMemoryDataset({
    name: 'noise',
    imageShape: [side, side, 3],
    classNames: ['even', 'odd'],
    normalization: imagenetNormalization,
    pixels: Uint8Array.from({ length: 8 * side * side * 3 }, (_, place) => Math.imul(place + 1, 0x9e3779b1) >>> 24),
    labels: Int32Array.from([0, 1, 0, 1, 0, 1, 0, 1]),
  });
}

/** With two draws instead of hundreds where bit widths are chosen by the curvature of the loss. */
function quickened(config: NncfConfig): NncfConfig {
  const sections = [config.compression ?? []].flat().map((section) => {
    if (!isQuantization(section) || section.initializer?.precision?.type !== 'hawq') return section;
    const precision = { ...section.initializer.precision, iter_number: 2, num_data_points: 4 };
    return { ...section, initializer: { ...section.initializer, precision } };
  });
  return { ...config, compression: sections };
}

function isQuantization(section: AlgorithmConfig): section is { algorithm: 'quantization' } & QuantizationConfig {
  return section.algorithm === 'quantization';
}

describe('configurations for ImageNet', () => {
  test.each(readdirSync(CONFIGS))('%s trains for two steps on small pictures', async (name) => {
    const settings = await resolveSettings({ config: join(CONFIGS, name) });
    const data = noise(settings.imageSize > 256 ? 80 : 48);
    const model = createModel(settings.model, { inputShape: data.imageShape, classes: 2, width: 0.25, seed: 1 });
    const before = tf.memory().numTensors;
    const config = { ...quickened(settings.compression!), input_info: { sample_size: [1, ...data.imageShape] } };
    const algo = await compressClassifier(model, config, data, { batchSize: 4, seed: 0, progress: silentProgress });
    const epochs: EpochRecord[] = [];
    await train(compressedSubject(algo), classification({ train: data, batchSize: 4 }), {
      epochs: 1,
      learningRate: learningRateSchedule(settings.learningRate),
      optimizer: settings.optimizer,
      onEpoch: (record) => void epochs.push(record),
    });
    expect(epochs).toEqual([expect.objectContaining({ steps: 2 })]);
    expect(Number.isFinite(epochs[0]!.loss)).toBe(true);
    algo.remove();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
