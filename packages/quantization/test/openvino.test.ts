import { createCompressionAlgorithm, registerAlgorithm, registerExporter, registerOnnxOperator } from '@nncf/core';
import { onnxExporter } from '@nncf/onnx-exporter';
import { availableBackends } from '@nncf/testing/backends';
import { demoConvNet, mobileNetV2, resnet20, resnet8, squeezeNet11 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ExportFolder } from '../../onnx-exporter/test/support/export-case.ts';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

type Network = readonly [name: string, build: () => tfl.LayersModel, shape: readonly [number, number, number]];

const NETWORKS: readonly Network[] = [
  ['demo', () => demoConvNet({ seed: 1 }), [28, 28, 1]],
  ['resnet8', () => resnet8({ seed: 1 }), [32, 32, 3]],
  ['resnet20', () => resnet20({ seed: 1 }), [32, 32, 3]],
  ['mobilenet_v2', () => mobileNetV2({ inputShape: [64, 64, 3], classes: 10, dropout: 0, seed: 1 }), [64, 64, 3]],
  ['squeezenet', () => squeezeNet11({ inputShape: [64, 64, 3], classes: 10, dropout: 0, seed: 1 }), [64, 64, 3]],
];

const folder = new ExportFolder();
const spreads = new Map<string, number>();

beforeAll(async () => {
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  await tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm');
  for (const network of NETWORKS) await keep(network);
});
afterAll(() => folder.remove());

async function keep([name, build, shape]: Network): Promise<void> {
  const model = build();
  const x = tf.randomUniform([4, ...shape], -1, 1, 'float32', 5);
  const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } });
  await algo.initialize([x]);
  const y = model.predict(x) as tf.Tensor;
  const values = y.dataSync();
  spreads.set(name, Math.max(...values) - Math.min(...values));
  const file = join(folder.path, 'last.bin');
  await algo.exportModel(file);
  folder.keep(name, readFileSync(file), [x], [y]);
  algo.remove();
}

const isConvolution = (type: string): boolean => type.includes('Convolution');

it('OpenVINO runs every convolution in 8 bits and agrees', () => {
  const reports = folder.check();
  expect(reports.map(({ name }) => name)).toEqual(NETWORKS.map(([name]) => name));
  for (const { name, checker, openvino, layers } of reports) {
    expect(checker, name).toBeNull();
    // A value at the border of two grid points may fall on either side, which later layers carry on.
    expect(Number(openvino), name).toBeLessThan(0.05 * (spreads.get(name) ?? 0));
    const precisions = (layers ?? []).filter(([type]) => isConvolution(type)).map(([, precision]) => precision);
    expect(precisions.length, name).toBeGreaterThan(0);
    expect(
      precisions.filter((precision) => !/^[iu]8$/iu.test(precision)),
      name,
    ).toEqual([]);
  }
});
