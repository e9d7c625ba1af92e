import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompressionAlgorithm, registerAlgorithm, registerExporter, registerOnnxOperator } from '@nncf/core';
import { onnxExporter, exportOnnx } from '@nncf/onnx-exporter';
import { availableBackends } from '@nncf/testing/backends';
import { groupedConv2d, retinaNetResnet50 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import onnxProto from 'onnx-proto';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

let folder = '';
beforeAll(async () => {
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  folder = mkdtempSync(join(tmpdir(), 'nncf-grouped-'));
  await tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A block of ResNeXt between two plain convolutions, four groups of two channels. */
function block(): tfl.LayersModel {
  const { layers, initializers } = tfl;
  const apply = (x: tfl.SymbolicTensor, ...chain: tfl.layers.Layer[]): tfl.SymbolicTensor =>
    chain.reduce((y, layer) => layer.apply(y) as tfl.SymbolicTensor, x);
  const conv = (filters: number, seed: number): tfl.layers.Layer =>
    layers.conv2d({ filters, kernelSize: 1, useBias: false, kernelInitializer: initializers.heNormal({ seed }) });
  const inputs = tfl.input({ shape: [8, 8, 3] });
  const grouped = groupedConv2d({ name: 'grouped', filters: 8, groups: 4, kernel: 3, stride: 1, padding: 'same', seed: 5 });
  const norm = (): tfl.layers.Layer => layers.batchNormalization({});
  const outputs = apply(inputs, conv(8, 1), norm(), layers.reLU(), grouped, norm(), layers.reLU(), conv(4, 2));
  return tfl.model({ inputs, outputs });
}

async function run(file: string, x: tf.Tensor): Promise<Float32Array[]> {
  const session = await ort.InferenceSession.create(file);
  const results = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', Float32Array.from(x.dataSync()), x.shape) });
  return session.outputNames.map((name) => results[name]!.data as Float32Array);
}

function outputsOf(model: tfl.LayersModel, x: tf.Tensor): Float32Array[] {
  return [model.predict(x)].flat().map((output) => output.dataSync() as Float32Array);
}

function largestDifference(actual: readonly Float32Array[], expected: readonly Float32Array[]): number {
  expect(actual.map(({ length }) => length)).toEqual(expected.map(({ length }) => length));
  return Math.max(...expected.flatMap((values, output) => Array.from(values, (value, at) => Math.abs(value - actual[output]![at]!))));
}

/** How many groups every convolution of a file has. */
function groupsIn(file: string): number[] {
  const { graph } = onnxProto.onnx.ModelProto.decode(readFileSync(file));
  const convolutions = graph?.node?.filter(({ opType }) => opType === 'Conv') ?? [];
  return convolutions.map(({ attribute }) => Number(attribute?.find(({ name }) => name === 'group')?.i ?? 1));
}

describe('a convolution in groups', () => {
  it('is trained in 8 bits, and is one convolution in the file', async () => {
    const model = block();
    const x = tf.randomUniform([2, 8, 8, 3], -1, 1, 'float32', 5);
    const file = join(folder, 'block.onnx');
    await exportOnnx(model, file);
    expect(groupsIn(file)).toEqual([1, 4, 1]);
    expect(largestDifference(await run(file, x), outputsOf(model, x))).toBeLessThan(1e-4);
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } });
    await algo.initialize([x]);
    const optimizer = algo.optimizer(tf.train.adam(0.01));
    const losses = Array.from({ length: 10 }, () => {
      const loss = optimizer.minimize(
        () => tf.mean(tf.squaredDifference(model.apply(x, { training: true }) as tf.Tensor, 1)) as tf.Scalar,
        true,
      );
      return loss!.dataSync()[0]!;
    });
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 2);
    await algo.exportModel(file);
    expect(groupsIn(file)).toEqual([1, 4, 1]);
    // Half a step of the last grid, where rounding falls to the other side.
    expect(largestDifference(await run(file, x), outputsOf(model, x))).toBeLessThan(0.02);
    algo.remove();
  });
});

describe('RetinaNet', () => {
  it('gives in ONNX Runtime what it gives here, and in 8 bits nearly so', async () => {
    const { model } = retinaNetResnet50({ inputShape: [64, 64, 3], width: 0.0625, classes: 3, seed: 2 });
    const x = tf.randomUniform([1, 64, 64, 3], -1, 1, 'float32', 5);
    const file = join(folder, 'retinanet.onnx');
    await exportOnnx(model, file);
    expect(largestDifference(await run(file, x), outputsOf(model, x))).toBeLessThan(1e-3);
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } });
    await algo.initialize([x]);
    await algo.exportModel(file);
    const [expected, actual] = [outputsOf(model, x), await run(file, x)];
    const apart = expected.flatMap((values, output) => Array.from(values, (value, at) => Math.abs(value - actual[output]![at]!)));
    expect(apart.reduce((sum, each) => sum + each) / apart.length).toBeLessThan(0.05);
    algo.remove();
    model.dispose();
  });
});
