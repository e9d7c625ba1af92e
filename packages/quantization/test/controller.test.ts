import { createCompressionAlgorithm, registerAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import { branchedModel, smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { quantization } from '../src/quantization.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerAlgorithm(quantization);
});

const compress = <Model extends tfl.LayersModel>(model: Model, section: JsonObject = {}): Promise<ModelCompression<Model>> =>
  createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', ...section } }, { warn: vi.fn() });

const images = (count: number): tf.Tensor => tf.randomNormal([count, 8, 8, 3], 0, 1, 'float32', 7);
const values = (algo: ModelCompression<unknown>): Readonly<Record<string, number | string>> =>
  algo.statistics()['quantization']?.values ?? {};

describe('training', () => {
  it.each([
    [undefined, 1],
    [0, 0],
  ])('without initialize() is warned of unless scales shall start from 1: num_init_samples %s', async (samples, expected) => {
    const warn = vi.fn();
    const range = samples === undefined ? {} : { initializer: { range: { num_init_samples: samples } } };
    const algo = await createCompressionAlgorithm(smallSequential(), { compression: { algorithm: 'quantization', ...range } }, { warn });
    tf.variableGrads(() => tf.mean(algo.model.apply(images(1), { training: true }) as tf.Tensor));
    expect(warn.mock.calls.filter(([text]) => String(text).includes('quantization starts from a guess'))).toHaveLength(expected);
    algo.remove();
  });

  const gradients = async (section: JsonObject): Promise<number[][]> => {
    const model = smallSequential();
    const algo = await compress(model, section);
    await algo.initialize([images(4)]);
    const variables = algo.parameters.map(({ variable }) => variable);
    const loss = (): tf.Scalar => tf.mean(tf.square(model.apply(images(4)) as tf.Tensor)) as tf.Scalar;
    const { grads } = tf.variableGrads(loss, variables);
    const result = variables.map(({ name }) => [...(grads[name]?.dataSync() ?? [])]);
    algo.remove();
    return result;
  };

  it('reaches every parameter of every quantizer', async () => {
    for (const mode of ['symmetric', 'asymmetric']) {
      const found = await gradients({ weights: { mode }, activations: { mode } });
      expect(found.length).toBe(mode === 'symmetric' ? 6 : 12);
      expect(found.every((gradient) => gradient.length > 0 && gradient.every(Number.isFinite))).toBe(true);
      expect(found.filter((gradient) => gradient.some((each) => each !== 0)).length).toBeGreaterThan(found.length / 2);
    }
  });

  it('multiplies gradients by compression_lr_multiplier', async () => {
    const plain = (await gradients({})).flat();
    const doubled = (await gradients({ compression_lr_multiplier: 2 })).flat();
    doubled.forEach((each, i) => expect(each).toBeCloseTo(2 * (plain[i] ?? Number.NaN), 9));
    expect((await gradients({ compression_lr_multiplier: 0 })).flat().every((each) => each === 0)).toBe(true);
  });

  it('trains the logarithm of the scale: gradient times scale, and the same result', async () => {
    const scales = async (logarithm_scale: boolean): Promise<[string, number[]][]> => {
      const algo = await compress(smallSequential(), { weights: { logarithm_scale } });
      await algo.initialize([images(4)]);
      const found = algo.parameters.map(({ name, variable }): [string, number[]] => [name, [...variable.dataSync()]]);
      algo.remove();
      return found;
    };
    const plain = new Map(await scales(false));
    for (const [name, stored] of await scales(true)) {
      if (!name.includes('log_scale')) continue;
      stored.forEach((each, i) => expect(Math.exp(each)).toBeCloseTo(plain.get(name.replace('log_scale', 'scale'))?.[i] ?? 0, 5));
    }
    const [plainGradients, logGradients] = [await gradients({}), await gradients({ weights: { logarithm_scale: true } })];
    const kernel = [...plain.keys()].findIndex((name) => name.includes('conv1/kernel'));
    const scale = [...plain.values()][kernel] ?? [];
    logGradients[kernel]?.forEach((each, i) => expect(each).toBeCloseTo((plainGradients[kernel]?.[i] ?? 0) * (scale[i] ?? 0), 6));
  });
});

describe('outputs', () => {
  it('are on the grid, in prediction and in training', async () => {
    const model = smallSequential();
    const algo = await compress(model, { quantize_outputs: true, activations: { bits: 2 } });
    await algo.initialize([images(4)]);
    const levels = (out: tf.Tensor): number => new Set(out.dataSync()).size;
    expect(levels(model.predict(images(16)) as tf.Tensor)).toBeLessThanOrEqual(4);
    expect(levels(model.apply(images(16), { training: true }) as tf.Tensor)).toBeLessThanOrEqual(4);
    algo.remove();
    expect(levels(model.predict(images(16)) as tf.Tensor)).toBeGreaterThan(4);
  });
});

describe('stages', () => {
  const staged = { params: { activations_quant_start_epoch: 1, weights_quant_start_epoch: 2 } };

  it('are full from the start without staging', async () => {
    const algo = await compress(smallSequential());
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    algo.remove();
  });

  it('switch activations and weights on at their epochs, weights with ranges of that moment', async () => {
    const model = smallSequential();
    const x = images(3);
    const reference = [...(model.predict(x) as tf.Tensor).dataSync()];
    const algo = await compress(model, staged);
    await algo.initialize([images(4)]);
    expect([algo.stage(), values(algo)['activeQuantizers']]).toEqual(['UNCOMPRESSED', 0]);
    expect([...(model.predict(x) as tf.Tensor).dataSync()]).toEqual(reference);
    algo.scheduler.epochStep();
    expect([algo.stage(), values(algo)['activeQuantizers']]).toEqual(['PARTIALLY_COMPRESSED', 3]);
    model.getLayer('dense').setWeights([tf.fill([16, 5], 7), tf.zeros([5])]);
    algo.scheduler.epochStep();
    expect([algo.stage(), values(algo)['activeQuantizers']]).toEqual(['FULLY_COMPRESSED', 6]);
    const scale = algo.parameters.find(({ name }) => name.includes('dense/kernel'))?.variable.dataSync();
    expect([...(scale ?? [])]).toEqual([7, 7, 7, 7, 7]);
    algo.remove();
  });

  it('go on from a state without touching its ranges', async () => {
    const first = await compress(smallSequential(), staged);
    await first.initialize([images(4)]);
    first.scheduler.epochStep(5);
    const state = first.state();
    first.remove();
    const model = smallSequential();
    const algo = await compress(model, staged);
    model.getLayer('dense').setWeights([tf.fill([16, 5], 7), tf.zeros([5])]);
    algo.loadState(state);
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    expect(algo.state()).toEqual(state);
    algo.remove();
  });
});

describe('state', () => {
  it('is refused when a quantizer has another bit width', async () => {
    const eight = await compress(smallSequential());
    await eight.initialize([images(2)]);
    const four = await compress(smallSequential(), { weights: { bits: 4 } });
    expect(() => four.loadState(eight.state())).toThrow(/conv1\/kernel has 8 bits, symmetric; the model's has 4, symmetric/u);
    eight.remove();
    four.remove();
  });

  it('is refused when it holds values that are not finite', async () => {
    const algo = await compress(smallSequential());
    await algo.initialize([images(2)]);
    const before = algo.state();
    const broken = structuredClone(before);
    const [entry] = broken;
    const [name = ''] = Object.keys(entry?.state.tensors ?? {});
    entry?.state.tensors[name]?.data.fill(Number.NaN);
    expect(() => algo.loadState(broken)).toThrow(/not finite/u);
    expect(algo.state()).toEqual(before);
    algo.remove();
  });
});

describe('statistics', () => {
  it('count weights, operations and bytes by bit width', async () => {
    const algo = await compress(smallSequential(), { scope_overrides: { weights: { dense: { bits: 4 } } }, ignored_scopes: ['conv2'] });
    await algo.initialize([images(2)]);
    // conv1 has 3·3·3·4 weights and 4 biases, bn 4·4, conv2 3·3·4·4 and 4, dense 16·5 and 5.
    const [conv1, conv2, dense, floats] = [108, 144, 80, 4 + 16 + 4 + 5];
    const elements = conv1 + conv2 + dense + floats;
    const bytes = conv1 + dense / 2 + 4 * (conv2 + floats);
    const operations = { conv1: 36 * 4 * 27, conv2: 4 * 4 * 36, dense: 80 };
    const all = operations.conv1 + operations.conv2 + operations.dense;
    expect(values(algo)).toMatchObject({ weightQuantizers: 2, activationQuantizers: 2, activeQuantizers: 4, weightBytes: bytes });
    expect(values(algo)['quantizedWeights']).toBeCloseTo((conv1 + dense) / elements, 12);
    expect(values(algo)['quantizedOperations']).toBeCloseTo(1 - operations.conv2 / all, 12);
    expect(values(algo)['compressionRatio']).toBeCloseTo((4 * elements) / bytes, 12);
    const table = (title: string): unknown => algo.statistics()['quantization']?.tables.find((each) => each.title === title)?.rows;
    const share = (count: number): string => `${((100 * count) / all).toFixed(1)} %`;
    expect(table('Multiply-adds')).toEqual([
      ['FP32', 0.001, share(operations.conv2)],
      ['W4 A8', 0, share(operations.dense)],
      ['W8 A8', 0.004, share(operations.conv1)],
    ]);
    expect(table('Left in floating point')).toEqual([
      ['conv2/Conv2D_0', 'activations', 'listed in ignored_scopes'],
      ['conv2/Conv2D_0', 'weights', 'listed in ignored_scopes'],
      ['Softmax', 'operation', 'has no integer version'],
    ]);
    // The picture, what conv2 reads, and what the dense layer reads.
    const [image, middle, flat] = [8 * 8 * 3, 6 * 6 * 4, 16];
    expect(values(algo)['quantizedActivations']).toBeCloseTo((image + flat) / (image + middle + flat), 12);
    expect(values(algo)['floatBytes']).toBe(4 * elements);
    const part = (count: number): string => `${((100 * count) / (image + middle + flat)).toFixed(1)} %`;
    const weightPart = (count: number): string => `${((100 * count) / elements).toFixed(1)} %`;
    expect(table('Bit widths')).toEqual([
      [4, weightPart(dense), '0.0 %', '0.0 %'],
      [8, weightPart(conv1), part(image + flat), '100.0 %'],
      ['FP32', weightPart(conv2 + floats), part(middle), '0.0 %'],
    ]);
    algo.remove();
  });

  it('say what has no quantizer, and whose is off', async () => {
    const section = { quantize_inputs: false, params: { activations_quant_start_epoch: 0, weights_quant_start_epoch: 1 } };
    const algo = await compress(smallSequential(), section);
    await algo.initialize([images(2)]);
    const rows = (): unknown => algo.statistics()['quantization']?.tables.find(({ title }) => title === 'Left in floating point')?.rows;
    const softmax = ['Softmax', 'operation', 'has no integer version'];
    const input = ['conv1/Conv2D_0', 'operand 0', 'reads an input of the model (quantize_inputs)'];
    const off = ['conv1/kernel', 'conv2/kernel', 'dense/kernel'].map((name) => [name, 'weights', 'its quantizer is switched off']);
    expect(rows()).toEqual([input, ...off, softmax]);
    algo.scheduler.epochStep();
    expect(rows()).toEqual([input, softmax]);
    algo.remove();
  });

  it('cover models with branches', async () => {
    const algo = await compress(branchedModel());
    await algo.initialize([[tf.randomNormal([2, 8, 8, 3]), tf.randomNormal([2, 8, 8, 4])]]);
    expect(values(algo)['quantizedOperations']).toBe(1);
    algo.remove();
  });
});
