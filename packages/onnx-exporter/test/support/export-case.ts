import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { traceModel, type ExportSource, type InputInfo } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-node';
import onnxProto from 'onnx-proto';
import type { onnx as Proto } from 'onnx-proto';
import { pythonEnv } from '../../../../scripts/python-env.mjs';
import { serializeOnnx, type OnnxExportOptions } from '../../src/index.ts';

/** What Python says about one exported file. */
export interface PeerReport {
  readonly name: string;
  /** Complaint of `onnx.checker`; null when there is none. */
  readonly checker: string | null;
  /** Largest difference of OpenVINO's outputs, or why it does not run the file. */
  readonly openvino: number | string;
  /** Type and precision of every operation that OpenVINO executes. */
  readonly layers?: readonly (readonly [string, string])[];
}

/** Makes the environment of the peers, which takes minutes the first time: `beforeAll(preparePeers, PEERS_TIMEOUT)`. */
export function preparePeers(): void {
  pythonEnv();
}

/** Time that {@link preparePeers} may take. */
export const PEERS_TIMEOUT: number = 15 * 60_000;

/** Files are numbered, so that two cases of one name stay two. */
const NUMBER_LENGTH = 4;

/** Exported files of one test suite, checked together by one Python process at its end. */
export class ExportFolder {
  readonly path: string = mkdtempSync(join(tmpdir(), 'nncf-onnx-'));
  private count = 0;

  /** Keeps a file with inputs and the outputs that it must give. */
  keep(name: string, bytes: Uint8Array, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
    mkdirSync(this.path, { recursive: true });
    const file = join(this.path, `${String(this.count++).padStart(NUMBER_LENGTH - 1, '0')} ${name.replaceAll(/[^\w. -]/g, '_')}`);
    writeFileSync(`${file}.onnx`, bytes);
    writeFileSync(`${file}.json`, JSON.stringify({ inputs: inputs.map(plain), outputs: outputs.map(plain) }));
  }

  /** Reports of all files. */
  check(): readonly PeerReport[] {
    const script = fileURLToPath(new URL('check_models.py', import.meta.url));
    const { status, stdout, stderr } = spawnSync(pythonEnv(), [script, this.path], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PYTHONWARNINGS: 'ignore', OPENVINO_TELEMETRY_OPT_OUT: '1' },
    });
    if (status !== 0) throw new Error(stderr);
    return stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as PeerReport)
      .map((report) => ({ ...report, name: report.name.slice(NUMBER_LENGTH) }));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

function plain(tensor: Tensor): { type: string; dims: number[]; data: number[] } {
  return { type: tensor.dtype, dims: tensor.shape, data: [...tensor.dataSync()] };
}

/** The model that a file holds. */
export function decoded(bytes: Uint8Array): Proto.GraphProto {
  return onnxProto.onnx.ModelProto.decode(bytes).graph as Proto.GraphProto;
}

/** How often each operation stands in a file. */
export function operations(bytes: Uint8Array): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { opType } of decoded(bytes).node) counts[opType ?? ''] = (counts[opType ?? ''] ?? 0) + 1;
  return counts;
}

/** An export source for a model without compression. */
export function plainSource(model: unknown, inputInfo: readonly InputInfo[] = []): ExportSource {
  const { graph, variables } = traceModel(model, inputInfo);
  return { graph, variables, plan: { commands: [] }, operators: new Map() };
}

/** Exports a model without compression. */
export function exported(model: unknown, options: OnnxExportOptions = {}, inputInfo: readonly InputInfo[] = []): Uint8Array {
  return serializeOnnx(plainSource(model, inputInfo), options);
}

/** Runs a file in ONNX Runtime. */
export async function runOnnx(bytes: Uint8Array, inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const feeds = Object.fromEntries(session.inputNames.map((name, i) => [name, ortTensor(inputs[i] as Tensor)]));
  const results = await session.run(feeds);
  const outputs = session.outputNames.map((name) => tfTensor(results[name] as ort.Tensor));
  await session.release();
  return outputs;
}

function ortTensor(tensor: Tensor): ort.Tensor {
  const data = tensor.dataSync();
  if (tensor.dtype === 'bool') return new ort.Tensor('bool', Uint8Array.from(data), tensor.shape);
  if (tensor.dtype === 'int32') return new ort.Tensor('int32', Int32Array.from(data), tensor.shape);
  return new ort.Tensor('float32', Float32Array.from(data), tensor.shape);
}

function tfTensor({ data, dims, type }: ort.Tensor): Tensor {
  const dtype = type === 'float32' ? 'float32' : type === 'bool' ? 'bool' : 'int32';
  return tf.tensor(Array.from(data as Float32Array, Number), [...dims], dtype);
}

/** Largest difference of two lists of tensors; throws when their shapes differ. */
export function largestDifference(actual: readonly Tensor[], expected: readonly Tensor[]): number {
  if (actual.length !== expected.length) throw new Error(`${actual.length} outputs instead of ${expected.length}`);
  return Math.max(
    ...expected.map((tensor, i) => {
      const other = actual[i] as Tensor;
      if (String(other.shape) !== String(tensor.shape)) throw new Error(`shape ${other.shape} instead of ${tensor.shape}`);
      const values = other.dataSync();
      return Math.max(0, ...Array.from(tensor.dataSync(), (value: number, k) => Math.abs(value - (values[k] ?? Number.NaN))));
    }),
  );
}
