/**
 * What zeros buy when a network runs: a stack of dense layers in 8 bits, dense and with ever more zeros. Size before and after gzip; latency in ONNX Runtime and in
 * OpenVINO without and with its sparse weight decompression, all in turn in one run.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/sparse-inference.ts [folder]
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/magnitude-sparsity';
import '@nncf/onnx-exporter';
import '@nncf/quantization';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential, type LayersModel } from '@tensorflow/tfjs-layers';
import { onnxRuntimeLatency, openvinoLatency, shown, type Latency } from './latency.ts';

const UNITS = 2048;
const LAYERS = 4;
const ROUNDS = 100;
const LEVELS = [0, 0.5, 0.7, 0.9];
const FOLDER = process.argv[2] ?? 'runs/bench';

await useBackend();
mkdirSync(FOLDER, { recursive: true });
const files: string[] = [];
for (const level of LEVELS) files.push(await exported(level));
const inOnnxRuntime = await onnxRuntimeLatency(files, [1, UNITS], ROUNDS);
const inOpenvino = openvinoLatency(
  files.flatMap((file) => [{ file }, { file, properties: { CPU_SPARSE_WEIGHTS_DECOMPRESSION_RATE: 0.5 } }]),
  ROUNDS,
);
console.log(`${LAYERS} dense layers of ${UNITS} × ${UNITS}, 8 bits, batch 1, 1 thread: milliseconds, best / median of ${ROUNDS}`);
console.table(Object.fromEntries(LEVELS.map((level, index) => [`${level * 100} % zeros`, row(index)])));
console.log(
  'Implementations with decompression:',
  [...new Set(inOpenvino[2 * LEVELS.length - 1]!.layers.map(([type]) => type))].join(', '),
);

function row(index: number): Record<string, string> {
  const bytes = readFileSync(files[index]!);
  const cell = (latency: Latency | undefined): string => shown(latency!);
  return {
    'file, kB': (bytes.length / 1000).toFixed(0),
    'gzip, kB': (gzipSync(bytes, { level: 9 }).length / 1000).toFixed(0),
    'ONNX Runtime': cell(inOnnxRuntime[index]),
    OpenVINO: cell(inOpenvino[2 * index]),
    'OpenVINO, decompression': cell(inOpenvino[2 * index + 1]),
  };
}

async function exported(level: number): Promise<string> {
  const model = dense();
  const sparsity = { algorithm: 'magnitude_sparsity', sparsity_init: level } as const;
  const algo = await createCompressionAlgorithm(model, { compression: [sparsity, { algorithm: 'quantization' }] });
  await algo.initialize([tf.randomNormal([16, UNITS], 0, 1, 'float32', 1)]);
  const file = join(FOLDER, `dense-${level * 100}.onnx`);
  await algo.exportModel(file);
  algo.remove();
  model.dispose();
  return file;
}

function dense(): LayersModel {
  return sequential({
    layers: Array.from({ length: LAYERS }, (_, i) =>
      layers.dense({ units: UNITS, activation: 'relu', ...(i === 0 ? { inputShape: [UNITS] } : {}) }),
    ),
  });
}
