/**
 * ResNet-18 at 224 × 224 in OpenVINO: floating point beside binary convolutions (XNOR), these with 8 bits in what they leave, and 8 bits throughout; all in
 * turn in one run. Weights are random, which costs the same time. The files stay in the folder given.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/binary-latency.ts [rounds] [threads] [folder]
 */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import '@nncf/binarization';
import { createCompressionAlgorithm, type AlgorithmConfig, type ModelCompression } from '@nncf/core';
import { exportOnnx } from '@nncf/onnx-exporter';
import '@nncf/quantization';
import { resnet18 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { openvinoLatency, shown, type OpenvinoLatency } from './latency.ts';

const [rounds = 30, threads = 1] = process.argv.slice(2, 4).map(Number);
const FOLDER = process.argv[4] ?? 'runs/bench';
const FP32 = { INFERENCE_PRECISION_HINT: 'f32' };
const BINARY: AlgorithmConfig = { algorithm: 'binarization', mode: 'xnor', preset: 'paper' };
const QUANTIZED: AlgorithmConfig = { algorithm: 'quantization', initializer: { range: { num_init_samples: 2 } } };
/** What the preset leaves. */
const LEFT: AlgorithmConfig = { ...QUANTIZED, target_scopes: ['conv1', '{re}downsample', 'layer4.1.conv2', 'fc'] };

await useBackend();
mkdirSync(FOLDER, { recursive: true });
const candidates = {
  FP32: await floating('fp32'),
  XNOR: await compressed('xnor', [BINARY]),
  'XNOR, the rest INT8': await compressed('xnor-int8', [BINARY, LEFT]),
  INT8: await compressed('int8', [QUANTIZED]),
};

async function floating(name: string): Promise<string> {
  const file = join(FOLDER, `resnet18-${name}.onnx`);
  await exportOnnx(resnet18(), file, { batchSize: 1 });
  return file;
}

async function compressed(name: string, compression: readonly AlgorithmConfig[]): Promise<string> {
  const file = join(FOLDER, `resnet18-${name}.onnx`);
  const algo: ModelCompression<LayersModel> = await createCompressionAlgorithm(resnet18(), { compression });
  await algo.initialize([tf.randomNormal([2, 224, 224, 3], 0, 1, 'float32', 1)]);
  await algo.exportModel(file, { format: 'fakequantize', batchSize: 1 });
  algo.remove();
  return file;
}

const isBinary = ([implementation, precision]: readonly [string, string]): boolean =>
  implementation.startsWith('jit') && precision === 'u1';

const entries = Object.entries(candidates);
const results = openvinoLatency(
  entries.map(([, file]) => ({ file, properties: FP32 })),
  rounds,
  threads,
);
const [baseline] = results as [OpenvinoLatency];
console.log(
  `OpenVINO, batch 1, ${threads} threads: milliseconds, best / median of ${rounds}, and how many times as fast as FP32 (best, median)`,
);
entries.forEach(([name, file], i) => {
  const result = results[i] as OpenvinoLatency;
  const ratios = [baseline.best / result.best, baseline.median / result.median].map((ratio) => ratio.toFixed(2)).join(' / ');
  const binary = result.layers.filter(isBinary).length;
  const size = (statSync(file).size / 1e6).toFixed(1);
  console.log(`${name.padEnd(20)} ${shown(result).padStart(18)}   ${ratios}   ${binary} binary convolutions, ${size} MB`);
});
