import { createCompressionAlgorithm, type AlgorithmConfig } from '@nncf/core';
import '@nncf/binarization';
import '@nncf/onnx-exporter';
import '@nncf/quantization';
import { availableBackends } from '@nncf/testing/backends';
import { resnet18 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExportFolder, largestDifference, runOnnx, type PeerReport } from '../../onnx-exporter/test/support/export-case.ts';

/** The network of the paper in a quarter of its width, on pictures of 64 pixels. */
const network = (): ReturnType<typeof resnet18> => resnet18({ inputShape: [64, 64, 3], classes: 10, width: 0.25, seed: 1 });
const images = (): tf.Tensor => tf.randomUniform([2, 64, 64, 3], -1, 1, 'float32', 5);

const BINARY: AlgorithmConfig = { algorithm: 'binarization', preset: 'paper' };
const LEFT: AlgorithmConfig = { algorithm: 'quantization', target_scopes: ['conv1', '{re}downsample', 'layer4.1.conv2', 'fc'] };
const SECTIONS: Readonly<Record<string, readonly AlgorithmConfig[]>> = {
  xnor: [BINARY],
  dorefa: [{ ...BINARY, mode: 'dorefa' }],
  'xnor and int8': [BINARY, LEFT],
};
const BINARY_LAYERS = 15;

const folder = new ExportFolder();
const spreads = new Map<string, number>();
const standard = new Map<string, number>();
let reports: readonly PeerReport[] = [];

beforeAll(async () => {
  await tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm');
  for (const name of Object.keys(SECTIONS)) await keep(name);
  reports = folder.check();
});
afterAll(() => folder.remove());

async function keep(name: string): Promise<void> {
  const algo = await createCompressionAlgorithm(network(), { compression: SECTIONS[name]! });
  const x = images();
  await algo.initialize([x]);
  // One step of training moves scales and thresholds apart.
  const optimizer = algo.optimizer(tf.train.sgd(0.01));
  optimizer.minimize(() => tf.mean(tf.square(algo.model.apply(x, { training: true }) as tf.Tensor)));
  const y = algo.model.predict(x) as tf.Tensor;
  const values = y.dataSync();
  spreads.set(name, Math.max(...values) - Math.min(...values));
  const file = join(folder.path, 'last.bin');
  await algo.exportModel(file);
  standard.set(name, largestDifference(await runOnnx(readFileSync(file), [x]), [y]));
  await algo.exportModel(file, { format: 'fakequantize', batchSize: 2 });
  folder.keep(name, readFileSync(file), [x], [y]);
  algo.remove();
}

describe.each(Object.keys(SECTIONS))('ResNet-18, %s', (name) => {
  // A value next to a threshold may fall on either side, which later layers carry on.
  const tolerance = (): number => 0.05 * (spreads.get(name) ?? 0);

  it('gives the same in ONNX Runtime, in standard operations', () => {
    expect(standard.get(name)).toBeLessThan(tolerance());
  });

  it('runs a binary convolution for every binarized layer in OpenVINO, and gives the same', () => {
    const { checker, openvino, layers = [] } = reports.find((report) => report.name === name)!;
    expect(checker).toBeNull();
    expect(Number(openvino)).toBeLessThan(tolerance());
    expect(layers.filter(([type]) => type === 'BinaryConvolution')).toHaveLength(BINARY_LAYERS);
    const others = layers.filter(([type]) => type === 'Convolution' || type === 'FullyConnected').map(([, precision]) => precision);
    expect(others).toHaveLength(6);
    expect(others.every((precision) => (name === 'xnor and int8' ? /^[iu]8$/iu : /^f32$/iu).test(precision))).toBe(true);
  });
});

it('binarizes nine tenths of the multiply-adds of the CIFAR shape', async () => {
  const algo = await createCompressionAlgorithm(resnet18({ stem: 'cifar', width: 0.5, initial: 'zeros' }), { compression: BINARY });
  // Blocks of 9,437,184, of which those at the change of width have half in their first; the stem, three shortcuts, the dense layer.
  const [block, stem, shortcut, dense] = [9_437_184, 884_736, 524_288, 2560];
  const binary = 4 * block + 3 * 3.5 * block - block;
  const share = algo.statistics()['binarization']?.values['plannedBinaryMultiplyAdds'];
  expect(share).toBeCloseTo(binary / (binary + block + stem + 3 * shortcut + dense), 10);
  expect(share).toBeGreaterThan(0.914);
  algo.remove();
});
