import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { enableTrainingKernels } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, beforeEach, describe, it } from 'vitest';

/** A backend as the engine of TensorFlow.js calls it; `tensorflow` is tfjs-node. */
export type TestBackend = 'cpu' | 'wasm' | 'tensorflow';

/** Whether a backend can be used here, and if not, why, in one line. */
interface Availability {
  readonly backend: TestBackend;
  readonly missing?: string;
}

const LOADERS: Readonly<Record<TestBackend, () => Promise<void>>> = { cpu: loadCpu, wasm: loadWasm, tensorflow: loadTfjsNode };

const AVAILABILITY: readonly Availability[] = await probeAll();

/** The backends that load on this machine. */
export const availableBackends: readonly TestBackend[] = AVAILABILITY.flatMap(({ backend, missing }) =>
  missing === undefined ? [backend] : [],
);

/**
 * Declares the tests of `fn` once for every backend. Each test runs with its backend in use and in a scope of its own, so that its tensors
 * are gone afterwards. A backend that is absent gives one skipped test whose name says why.
 */
export function describeBackends(name: string, fn: (backend: TestBackend) => void): void {
  for (const { backend, missing } of AVAILABILITY) {
    if (missing === undefined) describe(`${name} on ${backend}`, () => withBackend(backend, fn));
    else describe(`${name} on ${backend}`, () => it.skip(`${backend} is not available here: ${missing}`, () => undefined));
  }
}

function withBackend(backend: TestBackend, fn: (backend: TestBackend) => void): void {
  beforeAll(async () => {
    await tf.setBackend(backend);
    await tf.ready();
    enableTrainingKernels();
  });
  beforeEach(() => tf.engine().startScope());
  afterEach(() => tf.engine().endScope());
  fn(backend);
}

async function probeAll(): Promise<Availability[]> {
  const found: Availability[] = [];
  for (const backend of Object.keys(LOADERS) as TestBackend[]) found.push(await probe(backend));
  return found;
}

async function probe(backend: TestBackend): Promise<Availability> {
  try {
    await LOADERS[backend]();
    return { backend };
  } catch (error) {
    const [reason = 'it does not load'] = String(error instanceof Error ? error.message : error).split('\n');
    return { backend, missing: reason };
  }
}

async function loadCpu(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  if (!(await tf.setBackend('cpu'))) throw new Error('it does not start');
  // On first use it would advise to install tfjs-node, in the middle of a test's output.
  const cpu: unknown = tf.findBackend('cpu');
  if (typeof cpu === 'object' && cpu !== null && 'firstUse' in cpu) cpu.firstUse = false;
}

async function loadWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(entry), '/'));
  if (!(await tf.setBackend('wasm'))) throw new Error('its module does not start');
}

async function loadTfjsNode(): Promise<void> {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  await import('@nncf/libtensorflow/util-shim');
  await import('@tensorflow/tfjs-node');
}
