/** Finding and loading the TensorFlow.js backends, which are optional packages of the user's project. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { silenceCpuHint } from './kernel-map.ts';
import { loadOperations } from './native/load-operations.ts';

/** The backends, named by the package that brings them (`@tensorflow/` and, for the last two, `tfjs-backend-` left out). */
export type BackendName = 'tfjs-node-gpu' | 'tfjs-node' | 'wasm' | 'cpu';

/** The backends, quickest first. */
export const BACKENDS: readonly BackendName[] = ['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu'];

/** The npm package of each backend. */
const PACKAGES: Readonly<Record<BackendName, string>> = {
  'tfjs-node-gpu': '@tensorflow/tfjs-node-gpu',
  'tfjs-node': '@tensorflow/tfjs-node',
  wasm: '@tensorflow/tfjs-backend-wasm',
  cpu: '@tensorflow/tfjs-backend-cpu',
};

/** Name under which TensorFlow.js's engine knows each backend. */
export const ENGINE_NAMES: Readonly<Record<BackendName, string>> = {
  'tfjs-node-gpu': 'tensorflow',
  'tfjs-node': 'tensorflow',
  wasm: 'wasm',
  cpu: 'cpu',
};

/** Path of a package as the user's project sees it, else as the running script or this package does; undefined where none has it. */
function findPackage(name: string): string | undefined {
  const seekers = [join(process.cwd(), 'package.json'), process.argv[1], import.meta.url];
  for (const seeker of seekers) {
    if (seeker === undefined) continue;
    try {
      return createRequire(seeker).resolve(name);
    } catch {
      // Not installed there: ask the next one.
    }
  }
  return undefined;
}

/** TensorFlow's start-up notes would stand between the user and the one line that matters; `TF_CPP_MIN_LOG_LEVEL` still overrides. */
function quietTensorFlow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
}

const PROCESS_EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Runs a start-up and removes the process-wide error handlers it left behind: the wasm module's rethrow every error from its own one long line, which
 * Node then prints instead of the error.
 */
async function withoutNewErrorHandlers(start: () => Promise<void>): Promise<void> {
  const before = new Set<unknown>(PROCESS_EVENTS.flatMap((event) => process.rawListeners(event)));
  try {
    await start();
  } finally {
    for (const event of PROCESS_EVENTS) {
      for (const listener of process.rawListeners(event)) {
        if (!before.has(listener)) process.removeListener(event, listener as (...args: unknown[]) => void);
      }
    }
  }
}

/**
 * Imports a backend's package and makes it the engine's backend.
 *
 * @throws Error with the reason in one line where the package is not installed or does not start.
 */
export async function loadBackend(name: BackendName): Promise<void> {
  const path = findPackage(PACKAGES[name]);
  if (path === undefined) throw new Error(`${PACKAGES[name]} is not installed`);
  if (ENGINE_NAMES[name] === 'tensorflow') {
    quietTensorFlow();
    await import('@nncf/libtensorflow/util-shim');
  }
  await withoutNewErrorHandlers(() => start(path, ENGINE_NAMES[name]));
  if (ENGINE_NAMES[name] === 'tensorflow') loadOperations(path);
  silenceCpuHint();
}

async function start(path: string, engineName: string): Promise<void> {
  await import(pathToFileURL(path).href);
  if (!(await tf.setBackend(engineName))) throw new Error(`TensorFlow.js could not start "${engineName}"`);
  await tf.ready();
}
