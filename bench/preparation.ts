/**
 * What comes before and after training: time to wrap a network in compression, to initialize it and to export it, and how wrapping grows with depth.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/preparation.ts [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/onnx-exporter';
import { mobileNetV2, resnet110, resnet20, resnet32, resnet50, resnet56, unet } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { METHODS } from './support/methods.ts';
import { median } from './support/rounds.ts';

const [count = '5'] = process.argv.slice(2);
const rounds = Number(count);

/** Milliseconds of the three parts. */
interface Preparation {
  readonly wrap: number;
  readonly initialize: number;
  readonly export: number;
}

const MAKERS: Readonly<Record<string, () => LayersModel>> = {
  'ResNet-20 (CIFAR)': () => resnet20(),
  'ResNet-32 (CIFAR)': () => resnet32(),
  'ResNet-56 (CIFAR)': () => resnet56(),
  'ResNet-110 (CIFAR)': () => resnet110(),
  'MobileNet-v2': () => mobileNetV2({ initial: 'zeros' }),
  'ResNet-50': () => resnet50({ initial: 'zeros' }),
  UNet: () => unet({ width: 0.25, inputShape: [176, 240, 3] }),
};

await useBackend();
const folder = mkdtempSync(join(tmpdir(), 'nncf-bench-'));
const rows: Record<string, Record<string, string>> = {};
for (const [name, make] of Object.entries(MAKERS)) rows[name] = await measured(make);
rmSync(folder, { recursive: true, force: true });
console.log(`INT8, medians of ${rounds} rounds in milliseconds; initialized with 8 pictures`);
console.table(rows);

async function measured(make: () => LayersModel): Promise<Record<string, string>> {
  const found: Preparation[] = [];
  let nodes = 0;
  for (let round = 0; round < rounds; round++) found.push(await once(make, (size) => (nodes = size)));
  const middle = (part: keyof Preparation): number => median(found.map((each) => each[part]));
  return {
    nodes: String(nodes),
    wrap: middle('wrap').toFixed(0),
    'wrap / node': (middle('wrap') / nodes).toFixed(2),
    initialize: middle('initialize').toFixed(0),
    export: middle('export').toFixed(0),
  };
}

async function once(make: () => LayersModel, tell: (nodes: number) => void): Promise<Preparation> {
  const model = make();
  const shape = (model.inputs[0]?.shape ?? []).map((size) => size ?? 8);
  const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
  const [algo, wrap] = await clock(() => createCompressionAlgorithm(model, { compression: [...METHODS.int8] }));
  const [, initialize] = await clock(() => algo.initialize([x]));
  const [, exported] = await clock(() => algo.exportModel(join(folder, 'model.onnx')));
  tell(algo.graph.nodes.length);
  algo.remove();
  model.dispose();
  x.dispose();
  return { wrap, initialize, export: exported };
}

async function clock<Result>(run: () => Promise<Result>): Promise<[Result, number]> {
  const start = performance.now();
  const result = await run();
  return [result, performance.now() - start];
}
