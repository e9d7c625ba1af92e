import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentProgress } from '../src/progress.ts';
import { trainingSettings } from '../src/settings/settings.ts';
import { plainSubject } from '../src/train/subject.ts';
import type { Epoch, Task } from '../src/train/task.ts';
import { train, type TrainProgress } from '../src/train/train.ts';
import { trainRun } from '../src/train/train-run.ts';

let folder: string;

beforeAll(async () => {
  await tf.setBackend('cpu');
  folder = mkdtempSync(join(tmpdir(), 'nncf-task-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Points {
  readonly x: tf.Tensor2D;
  readonly y: tf.Tensor2D;
}

/** Points of y = 2x + 1, four batches of four. */
async function* points(): AsyncGenerator<Points> {
  for (let batch = 0; batch < 4; batch++) {
    const values = [0, 1, 2, 3].map((place) => (batch + 4 * place) / 8 - 1);
    const made = {
      x: tf.tensor2d(values, [4, 1]),
      y: tf.tensor2d(
        values.map((x) => 2 * x + 1),
        [4, 1],
      ),
    };
    yield made;
    tf.dispose([made.x, made.y]);
  }
}

/** A task that counts no right answers. */
const line: Task<Points> = {
  epoch: (): Epoch<Points> => ({ size: 4, [Symbol.asyncIterator]: points }),
  step: (model, { x, y }) => ({ loss: tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar }),
  evaluate: async (model) => {
    const [slope = 0] = await (model.getWeights()[0] as tf.Tensor).data();
    return 1 - Math.abs(slope - 2) / 2;
  },
};

function linear(): tfl.LayersModel {
  return tfl.sequential({ layers: [tfl.layers.dense({ units: 1, inputShape: [1], kernelInitializer: 'zeros', name: 'dense' })] });
}

describe('a task of another kind', () => {
  test('is learned, without right answers to count', async () => {
    const seen: TrainProgress[] = [];
    const subject = plainSubject(linear());
    const options = { epochs: 30, learningRate: () => 0.05, optimizer: {}, progressEvery: 2 };
    const result = await train(subject, line, { ...options, onProgress: (progress) => void seen.push(progress) });
    expect(result.final).toBeCloseTo(1, 3);
    expect(result.steps).toBe(120);
    expect(seen).toHaveLength(60);
    expect(seen.every(({ accuracy }) => accuracy === undefined)).toBe(true);
    expect(seen.at(-1)!.loss).toBeLessThan(1e-4);
  });

  test('leaves no tensor behind', async () => {
    const subject = plainSubject(linear());
    const before = tf.memory().numTensors;
    await train(subject, line, { epochs: 2, learningRate: () => 0.05, optimizer: { type: 'adam' } });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('is told of in plain lines, and goes on from its checkpoint', async () => {
    const lines: string[] = [];
    const voice = { say: (text: string) => void lines.push(text), progress: silentProgress };
    const settings = trainingSettings({ epochs: 2, lr: 0.05, logDir: folder }, {}, 'runs/line');
    await trainRun(plainSubject(linear()), line, settings, voice);
    const result = await trainRun(plainSubject(linear()), line, { ...settings, epochs: 3, resume: true }, voice);
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/^epoch 3\/3: loss \d\.\d{4}, test \d+\.\d\d %, \d+ s$/);
    expect(result.steps).toBe(12);
  });
});
