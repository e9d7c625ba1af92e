/**
 * Latency of exported networks in OpenVINO, batch 1: our FP32 and INT8 beside the INT8 file of NNCF for PyTorch, all in turn in one run; weights are random, and so
 * are the pictures. Then our two files in ONNX Runtime. Files stay in the folder.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/exported-latency.ts [rounds] [threads] [network,…] [folder]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import { exportOnnx } from '@nncf/onnx-exporter';
import { inceptionV3, mobileNetV2, resnet50, ssd300Vgg, unet } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { pythonEnv } from '../scripts/python-env.mjs';
import { onnxRuntimeLatency, openvinoLatency, type Latency, type OpenvinoLatency } from './latency.ts';
import { METHODS } from './support/methods.ts';

interface Exported {
  readonly make: () => LayersModel;
  readonly size: readonly [height: number, width: number];
  /** What the paper's Table 7 has for it. */
  readonly paper: number;
}

const NETWORKS: Readonly<Record<string, Exported>> = {
  mobilenet_v2: { make: () => mobileNetV2(), size: [224, 224], paper: 1.82 },
  resnet50: { make: () => resnet50(), size: [224, 224], paper: 3.05 },
  inception_v3: { make: () => inceptionV3(), size: [299, 299], paper: 3.11 },
  // 91 classes and no batch normalization, as torchvision has it; boxes and scores before anything is selected.
  ssd300_vgg: { make: () => ssd300Vgg({ classes: 91, batchNorm: false }).model, size: [300, 300], paper: 3.31 },
  unet: { make: () => unet({ width: 0.25, inputShape: [368, 480, 3] }), size: [368, 480], paper: 3.14 },
};

/** The peer's files have a batch of one too; with one of any size OpenVINO does not plan ahead as well. */
const AS_THEIRS = { batchSize: 1 } as const;

const [rounds = '30', threads = '1', names = Object.keys(NETWORKS).join(), folder = 'runs/bench'] = process.argv.slice(2);

await useBackend();
mkdirSync(folder, { recursive: true });
const chosen = names.split(',');
exportTheirs(chosen);
const rows: Record<string, Record<string, string>> = {};
for (const name of chosen) rows[name] = await compare(name);
console.log(`Batch 1, ${threads} thread(s), medians of ${rounds} rounds in milliseconds`);
console.table(rows);

async function compare(name: string): Promise<Record<string, string>> {
  const { make, size, paper } = NETWORKS[name]!;
  const [float, int8] = [join(folder, `${name}.fp32.onnx`), join(folder, `${name}.int8.onnx`)];
  await exportOurs(make, size, float, int8);
  const files = [{ file: float, properties: { INFERENCE_PRECISION_HINT: 'f32' } }, { file: int8 }, { file: theirFile(name) }];
  const [ours32, ours8, theirs] = openvinoLatency(files, Number(rounds), Number(threads)) as [
    OpenvinoLatency,
    OpenvinoLatency,
    OpenvinoLatency,
  ];
  const [ort32, ort8] = (await onnxRuntimeLatency([float, int8], [1, ...size, 3], Number(rounds), Number(threads))) as [Latency, Latency];
  return {
    FP32: ours32.median.toFixed(2),
    INT8: ours8.median.toFixed(2),
    'times FP32': (ours32.median / ours8.median).toFixed(2),
    paper: paper.toFixed(2),
    'INT8 of NNCF': theirs.median.toFixed(2),
    'ours to NNCF': (ours8.median / theirs.median).toFixed(2),
    'convolutions in I8': inEightBits(ours8),
    'ONNX Runtime': `${ort32.median.toFixed(2)} → ${ort8.median.toFixed(2)}`,
  };
}

/** Convolutions that ran on integers, of all. */
function inEightBits({ layers }: OpenvinoLatency): string {
  const convolutions = layers.filter(([implementation]) => /conv|gemm|brgconv/.test(implementation));
  return `${convolutions.filter(([, precision]) => /[iu]8/i.test(precision)).length} of ${convolutions.length}`;
}

async function exportOurs(make: () => LayersModel, [height, width]: readonly [number, number], float: string, int8: string): Promise<void> {
  const model = make();
  await exportOnnx(model, float, AS_THEIRS);
  const algo = await createCompressionAlgorithm(model, { target_device: 'CPU', compression: [...METHODS.int8] });
  const pictures = tf.randomNormal([8, height, width, 3], 0, 1, 'float32', 1);
  await algo.initialize([pictures]);
  await algo.exportModel(int8, AS_THEIRS);
  algo.remove();
  model.dispose();
  pictures.dispose();
}

function theirFile(name: string): string {
  return join(folder, `${name}.nncf.onnx`);
}

/** Makes what is missing. */
function exportTheirs(networks: readonly string[]): void {
  const missing = networks.filter((name) => !existsSync(theirFile(name)));
  if (missing.length === 0) return;
  const wishes = missing.map((name) => `${name}=${NETWORKS[name]!.size.join('x')}`);
  const script = fileURLToPath(new URL('peers/nncf_export.py', import.meta.url));
  const { status, stderr } = spawnSync(pythonEnv({ environment: 'parity', log: console.error }), [script, folder, ...wishes], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
}
