import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCompressionAlgorithm,
  NncfError,
  registerAlgorithm,
  registerExporter,
  registerOnnxOperator,
  type JsonObject,
  type ModelCompression,
} from '@nncf/core';
import { onnxExporter } from '@nncf/onnx-exporter';
import { smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decoded, largestDifference, runOnnx } from '../../onnx-exporter/test/support/export-case.ts';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';
import type { FakeQuantizer } from '../src/quantizers/fake-quantizer.ts';

let folder = '';
let warnings: string[] = [];
beforeAll(async () => {
  await tf.setBackend('cpu');
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  folder = mkdtempSync(join(tmpdir(), 'nncf-hawq-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => (warnings = []));

type Algo = ModelCompression<tfl.LayersModel>;

const hawq = (precision: JsonObject = {}, section: JsonObject = {}): JsonObject => ({
  ...section,
  initializer: { precision: { type: 'hawq', iter_number: 4, num_data_points: 8, ...precision }, range: { num_init_samples: 8 } },
});

const compress = (section: JsonObject, options: JsonObject = {}, model: tfl.LayersModel = smallSequential()): Promise<Algo> =>
  createCompressionAlgorithm(
    model,
    { ...options, compression: { algorithm: 'quantization', ...section } },
    { warn: (text) => warnings.push(text) },
  );

const batches = (): [tf.Tensor, tf.Tensor][] =>
  [1, 2].map((seed) => [
    tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', seed),
    tf.tidy(() => tf.oneHot(tf.tensor1d([0, 1, 2, 3 + (seed % 2)], 'int32'), 5)),
  ]);

/** Cross entropy of probabilities. */
const loss = (p: tf.Tensor, [, labels]: readonly tf.Tensor[]): tf.Tensor =>
  tf.neg(tf.mean(tf.sum(tf.mul(labels as tf.Tensor, tf.log(tf.add(p, 1e-6))), -1)));

async function initialized(section: JsonObject, options: JsonObject = {}, model?: tfl.LayersModel): Promise<Algo> {
  const algo = await compress(section, options, model);
  await algo.initialize(batches(), { loss });
  return algo;
}

const quantizersOf = (algo: Algo): readonly FakeQuantizer[] =>
  [...(algo.algorithm('quantization')?.operators.values() ?? [])] as FakeQuantizer[];
const widthsOf = (algo: Algo): Record<string, number> => Object.fromEntries(quantizersOf(algo).map(({ name, spec }) => [name, spec.bits]));

const WEIGHTS = ['conv1/kernel', 'conv2/kernel', 'dense/kernel'];
/** Multiply-adds of the three. */
const COSTS = [36 * 27 * 4, 4 * 36 * 4, 16 * 5];

/** 8-bit cost over the cost of some weights' widths. */
function ratioOf(algo: Algo, costs: readonly number[]): number {
  const widths = widthsOf(algo);
  const mixed = WEIGHTS.reduce((sum, name, i) => sum + (widths[name] ?? 0) * costs[i]!, 0);
  return costs.reduce((sum, cost) => sum + 8 * cost, 0) / mixed;
}

async function errorOf(section: JsonObject, options: JsonObject = {}): Promise<NncfError> {
  const error: unknown = await compress(section, options).catch((reason: unknown) => reason);
  if (error instanceof NncfError) return error;
  throw new Error('the section was accepted');
}

describeBackends('mixed precision by HAWQ-v2', () => {
  it('keeps to a budget of bit operations, with activations as narrow as the weights that they meet', async () => {
    const model = smallSequential();
    const kernels = model.getWeights().map((weight) => [...weight.dataSync()]);
    const before = tf.memory().numTensors;
    const compressed = await compress(hawq({ bits: [2, 4, 8], compression_ratio: 2.2 }), {}, model);
    const data = batches();
    const made = tf.memory().numTensors;
    await compressed.initialize(data, { loss });
    expect(tf.memory().numTensors).toBe(made);
    const widths = widthsOf(compressed);
    expect(new Set(WEIGHTS.map((name) => widths[name])).size).toBeGreaterThan(1);
    expect(ratioOf(compressed, COSTS)).toBeGreaterThanOrEqual(2.2);
    // In execution order: what a convolution reads stands before its kernel.
    const inOrder = Object.values(widths);
    expect(inOrder.filter((_, i) => i % 2 === 0)).toEqual(inOrder.filter((_, i) => i % 2 === 1));
    expect(model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(kernels);
    compressed.remove();
    tf.dispose(data.flat());
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('the choice of bit widths', () => {
  it('counts the size of weights when told to', async () => {
    const algo = await initialized(hawq({ bits: [4, 8], compression_ratio: 1.6, budget: 'model_size' }));
    expect(ratioOf(algo, [108, 144, 80])).toBeGreaterThanOrEqual(1.6);
    algo.remove();
  });

  it('gives 8 bits to all when nothing has to be saved', async () => {
    const algo = await initialized(hawq({ compression_ratio: 1 }));
    expect(Object.values(widthsOf(algo)).every((bits) => bits === 8)).toBe(true);
    algo.remove();
  });

  it('leaves widths of scope_overrides alone, and half range with them', async () => {
    const section = { overflow_fix: 'enable', scope_overrides: { weights: { conv1: { bits: 8 } }, activations: { dense: { bits: 6 } } } };
    const algo = await initialized(hawq({ bits: [4, 8], compression_ratio: 1.05 }, section));
    const [first, , last] = WEIGHTS.map((name) => quantizersOf(algo).find((quantizer) => quantizer.name === name)!);
    expect([first!.spec.bits, first!.spec.halfRange, first!.grid().levelHigh]).toEqual([8, true, 63]);
    expect(last!.spec.halfRange).toBe(last!.spec.bits === 8);
    expect(Object.values(widthsOf(algo))).toContain(6);
    algo.remove();
  });

  it('takes widths that the device has for each operation', async () => {
    const section = hawq({ bits: [4, 8], compression_ratio: 1.75 });
    const algo = await initialized(section, { target_device: 'NPU' }, depthwise());
    // A depthwise convolution of that device reads 8 bits: fewer in its weights would save nothing.
    const widths = widthsOf(algo);
    expect([widths['a/kernel'], widths['c/kernel']]).toEqual([4, 4]);
    const byReader = Object.fromEntries(
      algo.plan.commands.map(({ points, operator }) => [`${points[0]?.node} ${points[0]?.port}`, operator]),
    );
    expect(widths[byReader['b/DepthwiseConv2dNative_0 0']!.slice('quantization/'.length)]).toBe(8);
    algo.remove();
  });

  it('says which widths it has chosen', async () => {
    const algo = await initialized(hawq({ bits: [4, 8], compression_ratio: 1.9 }));
    const { tables, values } = algo.statistics()['quantization']!;
    expect(values['averageWeightBits']).toBeLessThan(8);
    expect(tables.find(({ title }) => title === 'Bit widths')?.rows.map(([bits]) => bits)).toEqual([4, 8, 'FP32']);
    expect(tables.find(({ title }) => title === 'Quantizers by width')?.rows).toContainEqual(['conv1/kernel', 'weights', 4]);
    algo.remove();
  });

  it('gives all quantizers that meet one width in strict mode', async () => {
    const strict = await initialized(hawq({ bits: [4, 8], compression_ratio: 1.1, bitwidth_assignment_mode: 'strict' }), {}, residual());
    const widths = widthsOf(strict);
    // The sum joins both branches, and the first convolution's result is read by the second.
    expect(new Set(['a/kernel', 'b/kernel'].map((name) => widths[name])).size).toBe(1);
    strict.remove();
  });
});

/** A convolution of each kind. */
function depthwise(): tfl.LayersModel {
  const depthwiseInitializer = tfl.initializers.heNormal({ seed: 2 });
  const kernelInitializer = tfl.initializers.heNormal({ seed: 1 });
  return tfl.sequential({
    layers: [
      tfl.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 3], activation: 'relu', name: 'a', kernelInitializer }),
      tfl.layers.depthwiseConv2d({ kernelSize: 3, activation: 'relu', name: 'b', depthwiseInitializer }),
      tfl.layers.flatten(),
      tfl.layers.dense({ units: 5, activation: 'softmax', name: 'c', kernelInitializer }),
    ],
  });
}

/** Two convolutions read one tensor. */
function residual(): tfl.LayersModel {
  const input = tfl.input({ shape: [8, 8, 3] });
  const conv = (name: string, seed: number): tfl.layers.Layer =>
    tfl.layers.conv2d({ filters: 3, kernelSize: 3, padding: 'same', name, kernelInitializer: tfl.initializers.heNormal({ seed }) });
  const [a, b] = [conv('a', 1).apply(input), conv('b', 2).apply(input)] as [tfl.SymbolicTensor, tfl.SymbolicTensor];
  const sum = tfl.layers.add().apply([a, b]) as tfl.SymbolicTensor;
  const pooled = tfl.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }).apply(conv('c', 3).apply(sum)) as tfl.SymbolicTensor;
  const classes = tfl.layers.dense({
    units: 5,
    activation: 'softmax',
    kernelInitializer: tfl.initializers.heNormal({ seed: 4 }),
    name: 'd',
  });
  return tfl.model({ inputs: input, outputs: classes.apply(pooled) as tfl.SymbolicTensor });
}

describe('the file of the choice', () => {
  it('holds traces that can be read again, and widths that manual takes', async () => {
    const file = join(folder, 'precision.json');
    const algo = await initialized(hawq({ bits: [2, 4, 8], compression_ratio: 2.2, dump_init_precision_data: file }));
    const widths = widthsOf(algo);
    algo.remove();
    const written = JSON.parse(readFileSync(file, 'utf8')) as {
      bitwidth_per_scope: [number, string][];
      compression_ratio: { reached: number };
    };
    expect(Object.keys(written)).toEqual([
      'budget',
      'compression_ratio',
      'perturbation',
      'traces',
      'rounding_errors',
      'bitwidth_per_scope',
    ]);
    expect(written.compression_ratio.reached).toBeGreaterThanOrEqual(2.2);
    const again = await compress(hawq({ bits: [2, 4, 8], compression_ratio: 2.2, traces_per_layer_path: file }));
    await again.initialize(batches());
    expect(widthsOf(again)).toEqual(widths);
    again.remove();
    const manual = await compress({ initializer: { precision: { type: 'manual', bitwidth_per_scope: written.bitwidth_per_scope } } });
    expect(widthsOf(manual)).toEqual(widths);
    manual.remove();
  });

  it('is refused when it is of another model, or no such file', async () => {
    const file = join(folder, 'other.json');
    (await initialized(hawq({ dump_init_precision_data: file, compression_ratio: 1.1 }), {}, residual())).remove();
    const read = async (path: string): Promise<unknown> => {
      const algo = await compress(hawq({ traces_per_layer_path: path }));
      return algo.initialize(batches()).finally(() => algo.remove());
    };
    await expect(read(file)).rejects.toThrow(/other.json has no trace of conv1\/kernel/u);
    await expect(read(import.meta.filename)).rejects.toThrow(/hawq.test.ts is no JSON of the form/u);
    await expect(read(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('a mixed model', () => {
  const section = hawq({ bits: [3, 4, 8], compression_ratio: 2 });

  it('comes back from its checkpoint with its widths and results', async () => {
    const file = join(folder, 'mixed.safetensors');
    const first = await initialized(section);
    const [x] = batches()[0]!;
    const expected = [...(first.model.predict(x) as tf.Tensor).dataSync()];
    const widths = widthsOf(first);
    await first.saveCheckpoint(file);
    first.remove();
    const second = await compress(section);
    await second.loadCheckpoint(file);
    expect(widthsOf(second)).toEqual(widths);
    expect([...(second.model.predict(x) as tf.Tensor).dataSync()]).toEqual(expected);
    second.remove();
    const other = await compress(hawq({ bits: [2, 8] }));
    await expect(other.loadCheckpoint(file)).rejects.toThrow(/has \d bits, symmetric; the model's has 8/u);
    other.remove();
  });

  it('is exported with the levels of each quantizer, and computes the same', async () => {
    const algo = await initialized(section);
    const [x] = batches()[0]!;
    const [standard, openvino] = [join(folder, 'mixed.onnx'), join(folder, 'mixed-openvino.onnx')];
    await algo.exportModel(standard);
    await algo.exportModel(openvino, { format: 'fakequantize' });
    expect(largestDifference(await runOnnx(readFileSync(standard), [x]), [algo.model.predict(x) as tf.Tensor])).toBeLessThan(1e-4);
    const levels = decoded(readFileSync(openvino))
      .node.filter(({ opType }) => opType === 'FakeQuantize')
      .map(({ attribute }) => Number(attribute?.find(({ name }) => name === 'levels')?.i));
    expect(levels.toSorted()).toEqual(
      quantizersOf(algo)
        .map((quantizer) => quantizer.grid().levelHigh - quantizer.grid().levelLow + 1)
        .toSorted(),
    );
    algo.remove();
  });
});

describe('what cannot be', () => {
  it('is a choice without a loss', async () => {
    const algo = await compress(hawq());
    await expect(algo.initialize(batches())).rejects.toMatchObject({ code: 'LOSS_MISSING', hint: expect.stringContaining('{ loss: ') });
    await expect(algo.initialize(undefined, { loss })).rejects.toMatchObject({ code: 'CALIBRATION_EMPTY' });
    algo.remove();
  });

  it('is a loss whose curvature is no number', async () => {
    const algo = await compress(hawq());
    await expect(algo.initialize(batches(), { loss: (p) => tf.mul(tf.mean(tf.square(p)), Number.NaN) })).rejects.toThrow(
      /curvature of the loss by conv1\/kernel came out as NaN/u,
    );
    expect(Object.values(widthsOf(algo)).every((bits) => bits === 8)).toBe(true);
    algo.remove();
  });

  it('is a budget out of reach', async () => {
    const algo = await compress(hawq({ bits: [4, 8], compression_ratio: 3 }));
    await expect(algo.initialize(batches(), { loss })).rejects.toThrow(/"compression_ratio" is 3, possible are 1.000 to 2.000/u);
    algo.remove();
  });

  it('is a device with one width', async () => {
    for (const target_device of ['CPU', 'GPU']) {
      const error = await errorOf(hawq(), { target_device });
      expect(error.code).toBe('CONFIG_UNSUPPORTED');
      expect(error.message).toMatch(new RegExp(`precision/bits: of the widths 2, 4, 8 the device ${target_device} computes only 8`, 'u'));
    }
    const npu = await compress(hawq({ bits: [2, 4, 8] }), { target_device: 'NPU' });
    expect(warnings).toEqual([expect.stringMatching(/precision\/bits: NPU has no integer version of 2 bits/u)]);
    npu.remove();
  });

  it.each<[JsonObject, RegExp]>([
    [{ type: 'autoq' }, /precision\/type: the choice of bit widths by "autoq"/u],
    [{ warmup_iter_number: 2 }, /precision\/warmup_iter_number.*\n.*belongs to "autoq"/u],
    [{ bitwidth_per_scope: [[4, 'conv1']] }, /precision\/bitwidth_per_scope.*\n.*scope_overrides/u],
  ])('is %j', async (precision, message) => {
    const error = await errorOf(hawq(precision));
    expect(error.code).toBe('CONFIG_UNSUPPORTED');
    expect(error.message).toMatch(message);
  });

  it('is named when it only has no effect', async () => {
    (await compress(hawq({ eval_subset_ratio: 0.5 }))).remove();
    expect(warnings).toEqual([expect.stringMatching(/eval_subset_ratio: only "autoq" reads it/u)]);
  });
});
