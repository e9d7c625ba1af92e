import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createModel,
  denseNet121,
  efficientNetB0,
  inceptionV3,
  loadTorchvision,
  mobileNetV2,
  resnet18,
  resnet50,
  torchvisionNames,
  vgg16,
  type ModelOptions,
  type TorchvisionName,
} from '../src/index.ts';
import { ownWeights } from '../src/weights/import-weights.ts';
import { permuted } from '../src/weights/layout.ts';
import { torchvisionMap } from '../src/weights/torchvision.ts';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-torchvision-'));
});
afterAll(() => rm(folder, { recursive: true }));

const BUILD: Readonly<Record<string, (options: ModelOptions) => tfl.LayersModel>> = {
  resnet18,
  resnet50,
  mobilenet_v2: mobileNetV2,
  vgg16_bn: vgg16,
  densenet121: denseNet121,
  inception_v3: inceptionV3,
  efficientnet_b0: efficientNetB0,
};

/** Networks whose weights take hundreds of megabytes, and one that differs from another in its number of blocks alone. */
const LARGE: ReadonlySet<TorchvisionName> = new Set(['resnet34', 'resnet50', 'vgg16_bn']);

/** Names and shapes of the published `state_dict`s, counters of batches left out. */
async function published(): Promise<Map<string, Map<string, string>>> {
  const networks = new Map<string, Map<string, string>>();
  const text = await readFile(join(import.meta.dirname, 'fixtures/torchvision.tsv'), 'utf8');
  for (const line of text.trim().split('\n')) {
    const [network = '', key = '', shape = ''] = line.split('\t');
    networks.set(network, (networks.get(network) ?? new Map<string, string>()).set(key, shape));
  }
  return networks;
}

describe('names of torchvision', () => {
  it.each(Object.keys(BUILD))('%s: every tensor of the published file is exactly one weight, of its shape', async (name) => {
    const expected = (await published()).get(name)!;
    const model = BUILD[name]!({ initial: 'zeros' });
    const map = torchvisionMap(name as TorchvisionName);
    const parts = ownWeights(model).flatMap((weight) => map.recipe(weight).parts);
    const found = new Map(parts.map(({ key, shape }) => [key, shape.join('x')]));
    expect(found.size).toBe(parts.length);
    const wanted = [...expected].filter(([key]) => map.extra?.test(key) !== true);
    expect([...found].sort()).toEqual(wanted.sort());
    model.dispose();
  });
});

describe('layouts', () => {
  it('are permuted as transpose does', async () => {
    const shape = [2, 3, 4, 5];
    const data = Float32Array.from({ length: 120 }, (_, place) => place);
    for (const perm of [
      [2, 3, 1, 0],
      [2, 3, 0, 1],
      [0, 1, 2, 3],
    ]) {
      const expected = await tf.transpose(tf.tensor(data, shape), perm).data();
      expect(permuted(data, shape, perm)).toEqual(expected);
    }
  });
});

describe('loadTorchvision', () => {
  const small = { inputShape: [32, 32, 3], classes: 3, width: 0.25 } as const;

  /** A file as torchvision would write it for a narrow network, every number its place. */
  async function file(name: string, change: (tensors: Map<string, SafetensorsTensor>) => void = () => undefined): Promise<string> {
    const model = createModel('resnet18', { ...small, initial: 'zeros' });
    const map = torchvisionMap('resnet18');
    const tensors = new Map<string, SafetensorsTensor>();
    for (const weight of ownWeights(model)) {
      const [part] = map.recipe(weight).parts;
      const length = part!.shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length }, (_, place) => 0.01 * ((place % 7) - 3) + (weight.variable === 'moving_variance' ? 1 : 0));
      tensors.set(part!.key, { dtype: 'F32', shape: part!.shape, data });
    }
    tensors.set('bn1.num_batches_tracked', { dtype: 'I64', shape: [1], data: BigInt64Array.of(7n) });
    change(tensors);
    const path = join(folder, `${name}.safetensors`);
    await writeFile(path, writeSafetensors([...tensors]));
    model.dispose();
    return path;
  }

  it('lays kernels out as TensorFlow has them, and leaves no tensor behind', async () => {
    const path = await file('whole');
    const before = tf.memory().numTensors;
    const model = await loadTorchvision('resnet18', path, small);
    const source = readSafetensors(await readFile(path)).tensors.get('layer1.0.conv1.weight')!;
    const kernel = model.getLayer('layer1.0.conv1').getWeights()[0]!;
    const expected = await tf.tidy(() => tf.transpose(tf.tensor(source.data as Float32Array, [...source.shape]), [2, 3, 1, 0])).data();
    expect(await kernel.data()).toEqual(expected);
    model.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before + 1);
  });

  it.each<[string, (tensors: Map<string, SafetensorsTensor>) => void, RegExp]>([
    [
      'a missing tensor',
      (tensors) => tensors.delete('layer1.0.conv2.weight'),
      /layer1\.0\.conv2\.weight is missing; near it are layer1\.0\.conv1\.weight/,
    ],
    [
      'one too many',
      (tensors) => tensors.set('head.weight', { dtype: 'F32', shape: [1], data: Float32Array.of(1) }),
      /head\.weight is in the file only/,
    ],
    [
      'another shape',
      (tensors) => tensors.set('fc.bias', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }),
      /fc\.bias is \[2\], not \[3\]/,
    ],
    [
      'no number',
      (tensors) => tensors.set('fc.bias', { dtype: 'F32', shape: [3], data: Float32Array.of(1, NaN, 2) }),
      /fc\.bias is not finite/,
    ],
  ])('refuses %s', async (name, change, message) => {
    const path = await file(name, change);
    await expect(loadTorchvision('resnet18', path, small)).rejects.toThrow(message);
    await expect(loadTorchvision('resnet18', path, small)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
  });

  it('refuses what it does not know', async () => {
    await expect(loadTorchvision('alexnet' as 'resnet18', 'x.safetensors')).rejects.toThrow(/no map of names for alexnet[\s\S]*resnet18/);
    await expect(loadTorchvision('resnet18', 'x.pth', small)).rejects.toThrow(/x\.pth has none of the extensions[\s\S]*save_file/);
  });

  const python = join(import.meta.dirname, '../../../.venv-parity/bin/python');
  const isThere = existsSync(python) && spawnSync(python, ['-c', 'import torchvision']).status === 0;

  // The large ones take minutes: NNCF_LARGE_NETWORKS=1.
  const isSmall = (name: TorchvisionName): boolean => process.env['NNCF_LARGE_NETWORKS'] === '1' || !LARGE.has(name);

  it.skipIf(!isThere).each(torchvisionNames.filter(isSmall))(
    '%s gives what torchvision gives (needs the Python environment of the parity tests)',
    { timeout: 15 * 60_000 },
    async (name) => {
      const path = join(folder, `${name}.safetensors`);
      const { status, stdout, stderr } = spawnSync(python, [join(import.meta.dirname, 'support/torchvision_outputs.py'), name, path], {
        encoding: 'utf8',
        maxBuffer: 2 ** 26,
      });
      expect(status, stderr).toBe(0);
      const { size, output } = JSON.parse(stdout) as { size: number; output: number[] };
      const model = await loadTorchvision(name, path, { inputShape: [size, size, 3], classes: 10 });
      const x = tf.tensor4d(
        Float32Array.from({ length: size * size * 3 }, (_, place) => Math.sin(0.05 * place)),
        [1, size, size, 3],
      );
      const y = await (model.predict(x) as tf.Tensor).data();
      const largest = Math.max(...output.map(Math.abs));
      output.forEach((value, place) => expect(Math.abs(y[place]! - value) / largest).toBeLessThan(1e-4));
      model.dispose();
      await rm(path);
    },
  );
});
