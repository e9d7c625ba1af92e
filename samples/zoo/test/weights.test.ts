import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import { readSafetensors, writeSafetensors, type SafetensorsTensor } from '@nncf/core';
import { sharedFile } from '@nncf/datasets';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPretrained, loadWeights, mobileNetV2, pretrainedNames, saveWeights, weightNames } from '../src/index.ts';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-zoo-'));
});
afterAll(() => rm(folder, { recursive: true }));

function build(seed: number): tfl.LayersModel {
  return mobileNetV2({ variant: 'cifar', width: 0.25, inputShape: [8, 8, 3], seed });
}

async function values(model: tfl.LayersModel): Promise<number[][]> {
  return Promise.all(model.getWeights().map(async (weight) => Array.from(await weight.data())));
}

describe('saveWeights and loadWeights', () => {
  it('bring every weight back, bit for bit', async () => {
    const [saved, loaded] = [build(1), build(2)];
    const file = join(folder, 'plain.safetensors');
    await saveWeights(saved, file, { metadata: { accuracy: '12.3' } });
    const before = tf.memory().numTensors;
    expect(await loadWeights(loaded, file)).toEqual({ accuracy: '12.3' });
    expect(tf.memory().numTensors).toBe(before);
    expect(await values(loaded)).toEqual(await values(saved));
  });

  it('store kernels in half precision and the rest in full', async () => {
    const model = build(1);
    const file = join(folder, 'half.safetensors');
    await saveWeights(model, file, { dtype: 'F16' });
    const { tensors } = readSafetensors(await readFile(file));
    const types = [...tensors].map(([name, { dtype }]) => [name.endsWith('.kernel'), dtype]);
    expect(new Set(types.map(String))).toEqual(new Set(['true,F16', 'false,F32']));
    const other = build(2);
    await loadWeights(other, file);
    const [exact, rounded] = [(await values(model)).flat(), (await values(other)).flat()];
    const off = exact.filter((value, index) => Math.abs(value - rounded[index]!) > Math.abs(value) * 2 ** -11 + 2 ** -25);
    expect(off).toEqual([]);
  });

  it('name weights by layer, the same for every copy of a model', () => {
    const names = weightNames(build(1));
    expect(names.slice(0, 3)).toEqual(['stem.kernel', 'stem.bn.gamma', 'stem.bn.beta']);
    expect(names).toContain('block0.depthwise.kernel');
    expect(weightNames(build(1))).toEqual(names);
  });

  it('refuse two layers of one name', () => {
    const inner = (): tfl.Sequential => tfl.sequential({ layers: [tfl.layers.dense({ name: 'twin', units: 1, inputShape: [1] })] });
    const model = tfl.sequential({ layers: [inner(), inner()] });
    expect(() => weightNames(model)).toThrow(/two weights of .* are called twin\.kernel/);
  });
});

describe('loadWeights refuses', () => {
  const dense = (): tfl.Sequential =>
    tfl.sequential({ layers: [tfl.layers.dense({ name: 'd', units: 2, inputShape: [1], kernelInitializer: 'ones' })] });
  const float = (shape: number[], ...data: number[]): SafetensorsTensor => ({ dtype: 'F32', shape, data: Float32Array.from(data) });
  const good = { 'd.kernel': float([1, 2], 5, 6), 'd.bias': float([2], 7, 8) };

  it.each<[string, Record<string, SafetensorsTensor>, RegExp]>([
    ['a missing tensor', { 'd.kernel': good['d.kernel'] }, /d\.bias is missing/],
    ['a tensor too many', { ...good, 'e.bias': float([1], 1) }, /e\.bias is in the file only/],
    ['another shape', { ...good, 'd.kernel': float([2, 1], 1, 2) }, /d\.kernel is \[2, 1\], not \[1, 2\]/],
    ['integers', { ...good, 'd.bias': { dtype: 'I32', shape: [2], data: new Int32Array(2) } }, /d\.bias holds I32/],
    ['a weight that is not a number', { ...good, 'd.bias': float([2], NaN, 0) }, /d\.bias is not finite/],
  ])('%s, and leaves the model as it was', async (_, tensors, message) => {
    const file = join(folder, 'bad.safetensors');
    await writeFile(file, writeSafetensors(Object.entries(tensors)));
    const model = dense();
    await expect(loadWeights(model, file)).rejects.toThrow(message);
    await expect(loadWeights(model, file)).rejects.toMatchObject({ code: 'WEIGHTS_MISMATCH' });
    expect(await values(model)).toEqual([
      [1, 1],
      [0, 0],
    ]);
  });

  it('a file that is not there, and one that is damaged', async () => {
    await expect(loadWeights(dense(), join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    const file = join(folder, 'damaged.safetensors');
    await writeFile(file, writeSafetensors(Object.entries(good)).subarray(0, 40));
    await expect(loadWeights(dense(), file)).rejects.toMatchObject({
      code: 'CORRUPT_FILE',
      message: expect.stringContaining('damaged.safetensors'),
    });
  });

  it('nothing when tensors too many are allowed and names are mapped', async () => {
    const file = join(folder, 'mapped.safetensors');
    const renamed = { 'x.kernel': good['d.kernel'], 'x.bias': good['d.bias'], more: float([1], 1) };
    await writeFile(file, writeSafetensors(Object.entries(renamed)));
    const model = dense();
    await loadWeights(model, file, { allowExtra: true, nameOf: (name) => name.replace('d.', 'x.') });
    expect(await values(model)).toEqual([
      [5, 6],
      [7, 8],
    ]);
  });
});

interface Check {
  readonly input_shape: [number, number, number, number];
  readonly outputs: readonly [{ readonly first8: readonly number[]; readonly sum: number; readonly argmax: number }];
}

describe('published weights', () => {
  const checks = sharedFile('weights/check.json');

  it.skipIf(checks === undefined).each([...pretrainedNames])(
    '%s gives the outputs of check.json (needs the shared weights folder)',
    async (name) => {
      const check = (JSON.parse(await readFile(checks!, 'utf8')) as Record<string, Check>)[name]!;
      const model = await loadPretrained(name, sharedFile(`weights/${name}.safetensors`)!);
      const size = check.input_shape.reduce((product, length) => product * length);
      const x = tf.tensor4d(
        Float32Array.from({ length: size }, (_, index) => Math.sin(0.05 * index)),
        check.input_shape,
      );
      const y = model.predict(x) as tf.Tensor;
      const output = Array.from(await y.data());
      const [expected] = check.outputs;
      expected.first8.forEach((value, index) => expect(output[index]).toBeCloseTo(value, 4));
      expect(output.reduce((sum, value) => sum + value)).toBeCloseTo(expected.sum, 2);
      expect(output.indexOf(Math.max(...output))).toBe(expected.argmax);
      tf.dispose([x, y]);
      model.dispose();
    },
  );

  it('a name that is not known is refused', async () => {
    const file = join(folder, 'never-read');
    await expect(stat(file)).rejects.toThrow('ENOENT');
    await expect(loadPretrained('resnet21' as 'resnet20_cifar10', file)).rejects.toMatchObject({ code: 'UNKNOWN_MODEL' });
  });
});
