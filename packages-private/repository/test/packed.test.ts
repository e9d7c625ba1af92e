import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, pack } from '../../../scripts/pack.mjs';

/** All that a user installs to quantize. */
const PACKAGES = ['core', 'quantization'];

/** A user's program: plain TensorFlow.js, plain node, no build step. */
const PROGRAM = `
import * as tf from '@tensorflow/tfjs';
import { createCompressionAlgorithm } from '@nncf/core';

const model = tf.sequential();
model.add(tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 4, kernelSize: 3, activation: 'relu', name: 'conv' }));
model.add(tf.layers.flatten());
model.add(tf.layers.dense({ units: 3, name: 'dense' }));
const x = tf.randomNormal([16, 8, 8, 1], 0, 1, 'float32', 7);
const y = tf.oneHot(tf.range(0, 16, 1, 'int32').mod(3).toInt(), 3).toFloat();
const plain = model.predict(x).arraySync();

const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', weights: { bits: 3 } } });
await algo.initialize([x]);
const quantized = model.predict(x).arraySync();
const optimizer = tf.train.sgd(0.05);
const losses = [];
for (let step = 0; step < 20; step++) {
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, algo.model.apply(x, { training: true })), true);
  losses.push(loss.dataSync()[0]);
}
algo.scheduler.epochStep();
console.log(JSON.stringify({
  difference: Math.max(...plain.flat().map((value, i) => Math.abs(value - quantized.flat()[i]))),
  losses,
  statistics: Object.keys(algo.statistics()),
  operators: algo.plan.commands.length,
}));
`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-packed-'));
  build();
  const tarballs = PACKAGES.map((name) => pack(name, folder));
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'somebody-elses', private: true, type: 'module' }));
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  execFileSync('npm', ['install', ...options, ...tarballs, '@tensorflow/tfjs@4.22.0'], { cwd: folder, stdio: 'pipe' });
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly difference: number;
  readonly losses: readonly number[];
  readonly statistics: readonly string[];
  readonly operators: number;
}

test('a program outside the workspace compresses a model with plain node', () => {
  writeFileSync(join(folder, 'compress.mjs'), PROGRAM);
  const output = execFileSync(process.execPath, ['compress.mjs'], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: withoutConditions(),
  });
  const { difference, losses, statistics, operators } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Outcome;
  expect(difference).toBeGreaterThan(0.001);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  expect(statistics).toContain('quantization');
  // The picture, two weights, and what the dense layer reads.
  expect(operators).toBe(4);
});

/** The test runs from source; the program must not. */
function withoutConditions(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_OPTIONS: '', NODE_PATH: '' };
}
