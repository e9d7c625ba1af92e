import { createCompressionAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import '@nncf/binarization';
import '@nncf/onnx-exporter';
import { availableBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decoded, ExportFolder, largestDifference, operations, runOnnx } from '../../onnx-exporter/test/support/export-case.ts';

const folder = new ExportFolder();
beforeAll(() => tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm'));
afterAll(() => folder.remove());

type Algo = ModelCompression<tfl.LayersModel>;

const images = (): tf.Tensor => tf.randomNormal([2, 6, 6, 3], 0.3, 1, 'float32', 7);

/** Convolutions of stride 1, of 3 channels, and, behind a border, of stride 2, of 8, with batch normalization; one factor of it is negative, one 0. */
function network(): tfl.LayersModel {
  const initializer = (seed: number): ReturnType<typeof tfl.initializers.randomNormal> =>
    tfl.initializers.randomNormal({ stddev: 0.3, seed });
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        inputShape: [6, 6, 3],
        filters: 8,
        kernelSize: 3,
        padding: 'same',
        useBias: false,
        name: 'conv1',
        kernelInitializer: initializer(1),
      }),
      tfl.layers.batchNormalization({ name: 'bn1' }),
      tfl.layers.reLU({ name: 'relu1' }),
      tfl.layers.zeroPadding2d({ padding: 1, name: 'pad' }),
      tfl.layers.conv2d({ filters: 5, kernelSize: 3, strides: 2, name: 'conv2', kernelInitializer: initializer(2) }),
      tfl.layers.batchNormalization({ name: 'bn2' }),
    ],
  });
  const bn = model.getLayer('bn2');
  bn.setWeights([
    tf.tensor1d([1, -2, 0.5, 0, 3]),
    tf.tensor1d([0.1, 0.2, 0.3, 0.4, 0.5]),
    tf.tensor1d([0, 1, 0, 2, 0]),
    tf.tensor1d([1, 2, 1, 1, 0.5]),
  ]);
  return model;
}

async function compress(section: JsonObject = {}): Promise<Algo> {
  const algo = await createCompressionAlgorithm(network(), { compression: { algorithm: 'binarization', ...section } });
  await algo.initialize([images()]);
  return algo;
}

async function exported(algo: Algo, options: JsonObject = {}): Promise<Uint8Array> {
  const file = join(folder.path, 'last.bin');
  await algo.exportModel(file, options);
  return readFileSync(file);
}

const predict = (algo: Algo): tf.Tensor => algo.model.predict(images()) as tf.Tensor;

describe.each(['xnor', 'dorefa'])('%s in standard operations', (mode) => {
  it('is a comparison, a choice and integers of one bit, and gives the same in ONNX Runtime', async () => {
    const algo = await compress({ mode });
    const bytes = await exported(algo);
    expect(operations(bytes)).toMatchObject({ Greater: 2, Where: 2, DequantizeLinear: 2, Conv: 2 });
    expect(operations(bytes)['BatchNormalization']).toBeUndefined();
    const integers = decoded(bytes).initializer?.filter(({ dataType, dims }) => dataType === 3 && dims?.length === 4) ?? [];
    expect(integers).toHaveLength(2);
    const seen = new Set(integers.flatMap(({ rawData }) => [...new Int8Array(Uint8Array.from(rawData ?? []).buffer)]));
    // A batch norm's factor of 0 makes a filter of zeros.
    expect([...seen].toSorted()).toEqual([-1, 0, 1]);
    expect(largestDifference(await runOnnx(bytes, [images()]), [predict(algo)])).toBeLessThan(1e-5);
    algo.remove();
  });
});

describe('for OpenVINO', () => {
  it('is FakeQuantize with two levels, and borders are part of the convolution', async () => {
    const algo = await compress();
    const bytes = await exported(algo, { format: 'fakequantize' });
    expect(operations(bytes)).toMatchObject({ FakeQuantize: 2, Greater: 1, Where: 1, DequantizeLinear: 1, Conv: 2 });
    expect(operations(bytes)['Pad']).toBeUndefined();
    const levels = decoded(bytes)
      .node.filter(({ opType }) => opType === 'FakeQuantize')
      .map(({ attribute }) => Number(attribute?.[0]?.i));
    expect(levels).toEqual([2, 2]);
    algo.remove();
  });

  it('is the configuration’s choice where the export says nothing', async () => {
    const algo = await compress({ export_to_onnx_standard_ops: false });
    expect(operations(await exported(algo))['FakeQuantize']).toBe(2);
    expect(operations(await exported(algo, { format: 'qdq' }))['FakeQuantize']).toBeUndefined();
    algo.remove();
  });

  it('runs as binary convolutions where channels fill bytes, with filters of zeros and factors of every sign', async () => {
    for (const mode of ['xnor', 'dorefa']) {
      const algo = await compress({ mode });
      const kernel = algo.model.getLayer('conv1').getWeights()[0]!;
      // A filter that was pruned away.
      if (mode === 'xnor') algo.model.getLayer('conv1').setWeights([tf.mul(kernel, [1, 0, 1, 1, 1, 1, 1, 1])]);
      folder.keep(mode, await exported(algo, { format: 'fakequantize', batchSize: 2 }), [images()], [predict(algo)]);
      algo.remove();
    }
    const reports = folder.check();
    expect(reports.map(({ name }) => name)).toEqual(['xnor', 'dorefa']);
    for (const { name, checker, openvino, layers } of reports) {
      expect(checker, name).toBeNull();
      expect(Number(openvino), name).toBeLessThan(1e-4);
      expect(
        (layers ?? []).map(([type]) => type).filter((type) => type.includes('Convolution')),
        name,
      ).toEqual(['Convolution', 'BinaryConvolution']);
    }
  });
});

it('a binarizer that is off, or has no scale yet, is not in the file', async () => {
  const off = await compress({ params: { activations_quant_start_epoch: 1, weights_quant_start_epoch: 1 } });
  expect(operations(await exported(off))).toMatchObject({ Conv: 2 });
  expect(operations(await exported(off))['Where']).toBeUndefined();
  expect(largestDifference(await runOnnx(await exported(off), [images()]), [predict(off)])).toBeLessThan(1e-5);
  off.remove();
  const fresh = await createCompressionAlgorithm(network(), { compression: { algorithm: 'binarization' } });
  expect(operations(await exported(fresh))).toMatchObject({ DequantizeLinear: 2, Conv: 2 });
  expect(operations(await exported(fresh))['Where']).toBeUndefined();
  fresh.remove();
});

it('an unknown format is named', async () => {
  const algo = await compress();
  await expect(exported(algo, { format: 'bits' })).rejects.toThrow(/format/);
  algo.remove();
});

/** Eight channels in and out, so that all of it could be binary in OpenVINO. */
function square(name: string, seed: number): tfl.layers.Layer {
  const kernelInitializer = tfl.initializers.randomNormal({ stddev: 0.3, seed });
  return tfl.layers.conv2d({ filters: 8, kernelSize: 3, padding: 'same', useBias: false, name, kernelInitializer });
}

describe('where OpenVINO would make no binary convolution', () => {
  const input = (): tfl.SymbolicTensor => tfl.input({ shape: [5, 5, 8] });
  const apply = (layer: tfl.layers.Layer, x: unknown): tfl.SymbolicTensor => layer.apply(x as tfl.SymbolicTensor) as tfl.SymbolicTensor;
  const cases: readonly [name: string, build: () => tfl.LayersModel, section: JsonObject, binary: number][] = [
    [
      'readers of one tensor, equal in all parameters',
      () => {
        const x = input();
        const sum = tfl.layers.add().apply([apply(square('a', 1), x), apply(square('b', 2), x), apply(square('c', 3), x)]);
        return tfl.model({ inputs: x, outputs: sum as tfl.SymbolicTensor });
      },
      {},
      3,
    ],
    [
      'one layer used twice',
      () => {
        const [x, layer] = [input(), square('shared', 1)];
        return tfl.model({ inputs: x, outputs: apply(layer, apply(layer, x)) });
      },
      {},
      0,
    ],
    [
      'activations alone',
      () => tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [5, 5, 8] }), square('a', 1)] }),
      { params: { weights_quant_start_epoch: 1 } },
      0,
    ],
    [
      'weights alone',
      () => tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [5, 5, 8] }), square('a', 1)] }),
      { params: { activations_quant_start_epoch: 1 } },
      0,
    ],
  ];

  it('the file is one that it computes rightly', async () => {
    const x = tf.randomNormal([2, 5, 5, 8], 0.3, 1, 'float32', 7);
    const own = new ExportFolder();
    for (const [name, build, section] of cases) {
      const algo = await createCompressionAlgorithm(build(), { compression: { algorithm: 'binarization', ...section } });
      await algo.initialize([x]);
      own.keep(name, await exported(algo, { format: 'fakequantize', batchSize: 2 }), [x], [algo.model.predict(x) as tf.Tensor]);
      algo.remove();
    }
    const reports = own.check();
    own.remove();
    expect(reports.map(({ layers }) => layers?.filter(([type]) => type === 'BinaryConvolution').length)).toEqual(
      cases.map(([, , , count]) => count),
    );
    for (const { name, openvino } of reports) expect(Number(openvino), name).toBeLessThan(1e-4);
  });
});
