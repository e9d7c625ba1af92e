import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { zipSync } from 'fflate';
import { File, FS, ready, type Group } from 'h5wasm/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  denseNet121,
  efficientNetB0,
  inceptionV3,
  kerasApplicationNames,
  loadKerasApplication,
  mobileNetV2,
  resnet50,
  vgg16,
  type KerasApplicationName,
  type ModelOptions,
} from '../src/index.ts';
import { importWeights, ownWeights } from '../src/weights/import-weights.ts';
import { kerasApplicationMap } from '../src/weights/keras-applications.ts';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  await ready;
  folder = await mkdtemp(join(tmpdir(), 'nncf-keras-'));
});
afterAll(() => rm(folder, { recursive: true }));

const BUILD: Readonly<Record<KerasApplicationName, (options: ModelOptions) => tfl.LayersModel>> = {
  resnet50,
  mobilenet_v2: mobileNetV2,
  vgg16: (options) => vgg16({ ...options, batchNorm: false }),
  densenet121: denseNet121,
  inception_v3: inceptionV3,
  efficientnet_b0: efficientNetB0,
};

/** Names and shapes of the variables of a network in Keras Applications. */
async function published(network: string): Promise<Map<string, string>> {
  const text = await readFile(join(import.meta.dirname, 'fixtures/keras-applications.tsv'), 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return new Map(rows.filter(([name]) => name === network).map(([, key = '', shape = '']) => [key, shape]));
}

describe('names of Keras Applications', () => {
  it.each(kerasApplicationNames)('%s: every variable there is used exactly once, in its shape', async (name) => {
    const map = kerasApplicationMap(name);
    const there = await published(name);
    const renamed = map.renamed?.([...there.keys()]);
    const expected = new Map([...there].map(([key, shape]) => [renamed?.get(key) ?? key, shape]));
    const model = BUILD[name]({ initial: 'zeros' });
    const parts = ownWeights(model).flatMap((weight) => map.recipe(weight).parts);
    const found = parts
      .filter(({ key, otherwise }) => otherwise === undefined || expected.has(key))
      .map(({ key, shape }) => [key, shape.join('x')]);
    expect(found.sort()).toEqual([...expected].filter(([key]) => map.extra?.test(key) !== true).sort());
    model.dispose();
  });
});

type Layers = readonly (readonly [layer: string, variables: readonly (readonly [name: string, shape: number[], data: Float32Array])[]])[];

/** Bytes of an HDF5 file. */
function hdf5(fill: (file: File) => void): Uint8Array {
  const file = new File('/made.h5', 'w');
  fill(file);
  file.close();
  const bytes = FS!.readFile('/made.h5') as Uint8Array;
  FS!.unlink('/made.h5');
  return bytes;
}

/** As `save_weights` of Keras 2 writes them, or `save` under `model_weights`. */
function keras2(layers: Layers, below?: string): Uint8Array {
  return hdf5((file) => {
    const root: Group = below === undefined ? file : file.create_group(below);
    for (const [layer, variables] of layers) {
      const group = root.create_group(layer);
      const inner = group.create_group(layer);
      for (const [name, shape, data] of variables) inner.create_dataset({ name: `${name}:0`, data, shape });
      group.create_attribute(
        'weight_names',
        variables.map(([name]) => `${layer}/${name}:0`),
      );
    }
  });
}

/** As Keras 3 writes them, in an archive. */
function keras3(layers: Layers): Uint8Array {
  const weights = hdf5((file) => {
    const root = file.create_group('layers');
    layers.forEach(([layer, variables], place) => {
      const kind = variables[0]?.[1].length === 2 ? 'dense' : 'conv2d';
      const vars = root.create_group(`${kind}_${place}`).create_group('vars');
      vars.create_attribute('name', layer);
      variables.forEach(([, shape, data], index) => vars.create_dataset({ name: String(index), data, shape }));
    });
  });
  return zipSync({ 'config.json': new TextEncoder().encode('{}'), 'model.weights.h5': weights });
}

describe('loadKerasApplication', () => {
  const small = { inputShape: [32, 32, 3], classes: 2, width: 1 / 64 } as const;

  /** Variables of a narrow VGG-16, every number another one. */
  function vggLayers(): Layers {
    const model = vgg16({ ...small, batchNorm: false, initial: 'zeros' });
    const map = kerasApplicationMap('vgg16');
    const layers = new Map<string, [string, number[], Float32Array][]>();
    let count = 0;
    for (const weight of ownWeights(model)) {
      const [layer = '', name = ''] = map.recipe(weight).parts[0]!.key.split('/');
      const length = weight.shape.reduce((a, b) => a * b, 1);
      const data = Float32Array.from({ length }, () => count++ / 1000);
      layers.set(layer, [...(layers.get(layer) ?? []), [name, [...weight.shape], data]]);
    }
    model.dispose();
    return [...layers];
  }

  it.each<[string, (layers: Layers) => Uint8Array]>([
    ['weights.h5', (layers) => keras2(layers)],
    ['model.h5', (layers) => keras2(layers, 'model_weights')],
    ['model.keras', keras3],
  ])('reads %s', async (name, write) => {
    const layers = vggLayers();
    await writeFile(join(folder, name), write(layers));
    const model = await loadKerasApplication('vgg16', join(folder, name), small);
    const [kernel, bias] = model.getLayer('features.5').getWeights();
    const expected = new Map(layers).get('block2_conv1')!;
    expect(await kernel!.data()).toEqual(expected[0]![2]);
    expect(await bias!.data()).toEqual(expected[1]![2]);
    model.dispose();
  });

  it('knows the classifier by its older names', async () => {
    const layers = vggLayers().map(([layer, variables]) => [layer.replace('predictions', 'probs'), variables] as const);
    await writeFile(join(folder, 'old.h5'), keras2(layers));
    const model = await loadKerasApplication('vgg16', join(folder, 'old.h5'), small);
    expect(await model.getLayer('classifier.6').getWeights()[1]!.data()).toEqual(new Map(layers).get('probs')![1]![2]);
    model.dispose();
  });

  it('names what is missing, and what stands near it', async () => {
    const layers = vggLayers().map(([layer, variables]) => [layer.replace('block3_conv2', 'block3_convb'), variables] as const);
    await writeFile(join(folder, 'other.h5'), keras2(layers));
    const loading = loadKerasApplication('vgg16', join(folder, 'other.h5'), small);
    await expect(loading).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    await expect(loading).rejects.toThrow(/block3_conv2\/kernel is missing; near it are block3_convb\/kernel/);
  });

  it('refuses files that are not what they seem', async () => {
    await writeFile(join(folder, 'broken.h5'), 'no HDF5');
    await expect(loadKerasApplication('vgg16', join(folder, 'broken.h5'), small)).rejects.toMatchObject({ code: 'CORRUPT_FILE' });
    await writeFile(join(folder, 'empty.keras'), zipSync({ 'config.json': new Uint8Array(2) }));
    await expect(loadKerasApplication('vgg16', join(folder, 'empty.keras'), small)).rejects.toThrow(/has no model\.weights\.h5/);
    await writeFile(
      join(folder, 'bare.h5'),
      hdf5((file) => void file.create_group('nothing')),
    );
    await expect(loadKerasApplication('vgg16', join(folder, 'bare.h5'), small)).rejects.toThrow(/no layers of Keras/);
    await expect(loadKerasApplication('lenet' as 'vgg16', 'x.h5')).rejects.toThrow(/no map of names for lenet/);
  });

  it('puts biases into means and the other epsilon into variances', async () => {
    const model = resnet50({ ...small, width: 1 / 16, stride: 'conv1', initial: 'zeros' });
    const map = kerasApplicationMap('resnet50');
    const parts = new Map(ownWeights(model).flatMap((weight) => map.recipe(weight).parts.map((part) => [part.key, part] as const)));
    const layers = new Map<string, [string, number[], Float32Array][]>();
    const value: Readonly<Record<string, number>> = { kernel: 0.1, bias: 0.25, gamma: 1, beta: 0, moving_mean: 2, moving_variance: 1 };
    for (const { key, shape } of parts.values()) {
      const [layer = '', name = ''] = key.split('/');
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value[name]!);
      layers.set(layer, [...(layers.get(layer) ?? []), [name, [...shape], data]]);
    }
    await writeFile(join(folder, 'resnet.h5'), keras2([...layers]));
    await importWeights(model, join(folder, 'resnet.h5'), map);
    const [, , mean, variance] = model.getLayer('layer1.0.bn2').getWeights();
    expect((await mean!.data())[0]).toBe(1.75);
    expect(((await variance!.data())[0]! - 1) * 1e5).toBeCloseTo(0.001, 1);
    model.dispose();
  });

  // Keras runs on PyTorch, which the environment of the parity tests has.
  const python = join(import.meta.dirname, '../../../.venv-parity/bin/python');
  const env = { ...process.env, KERAS_BACKEND: 'torch' };
  const isThere = existsSync(python) && spawnSync(python, ['-c', 'import keras'], { env }).status === 0;
  const files: readonly [KerasApplicationName, string][] = [
    ['mobilenet_v2', 'keras'],
    ['densenet121', 'h5'],
    ['inception_v3', 'weights.h5'],
    ['efficientnet_b0', 'keras'],
    ['resnet50', 'h5'],
  ];

  it.skipIf(!isThere).each(files)(
    '%s gives what Keras gives, from a file .%s (needs Keras in the Python environment of the parity tests)',
    { timeout: 15 * 60_000 },
    async (name, extension) => {
      const path = join(folder, `${name}.${extension}`);
      const script = join(import.meta.dirname, 'support/keras_outputs.py');
      const { status, stdout, stderr } = spawnSync(python, [script, name, path], { encoding: 'utf8', maxBuffer: 2 ** 26, env });
      expect(status, stderr).toBe(0);
      const { size, output } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { size: number; output: number[] };
      const model = await loadKerasApplication(name, path, { inputShape: [size, size, 3], classes: 10 });
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
