/** Choosing the backend. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { NncfError } from '@nncf/core';
import { isNative, nativeOp, nativeVersion } from '../src/kernel-map.ts';
import { useBackend } from '../src/select.ts';
import { disableTrainingKernels } from '../src/training-kernels.ts';
import { loadBackends } from './helpers.ts';

const loaded = await loadBackends();
const native = loaded.includes('tensorflow');

beforeEach(() => {
  vi.stubEnv('NNCF_BACKEND', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  disableTrainingKernels();
});

async function failure(work: Promise<unknown>): Promise<NncfError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof NncfError)) throw new Error(`No NncfError but ${String(error)}`);
  return error;
}

it('takes the quickest that loads and says so in one line', async () => {
  const lines: string[] = [];
  const info = await useBackend({ log: (line) => void lines.push(line) });
  expect(info.name).toBe(native ? 'tfjs-node' : 'wasm');
  expect(tf.getBackend()).toBe(info.engineName);
  expect(info.skipped[0]).toEqual({ name: 'tfjs-node-gpu', reason: '@tensorflow/tfjs-node-gpu is not installed' });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\[nncf\] \[backend\] (tfjs-node \(TensorFlow [\d.]+\)|wasm): the quickest that loads here/);
  await useBackend({ log: (line) => void lines.push(line) });
  expect(lines).toHaveLength(1);
});

it.each(['wasm', 'cpu'] as const)('takes %s when the program prefers it, quietly', async (name) => {
  const log = vi.fn<(line: string) => void>();
  const info = await useBackend({ prefer: name, quiet: true, log });
  expect(info).toMatchObject({ name, engineName: name, reason: 'asked for by the program', skipped: [], tensorflow: undefined });
  expect(log).not.toHaveBeenCalled();
});

it('NNCF_BACKEND wins over the program', async () => {
  vi.stubEnv('NNCF_BACKEND', 'wasm');
  expect(await useBackend({ prefer: 'cpu', quiet: true })).toMatchObject({ name: 'wasm', reason: 'NNCF_BACKEND asks for it' });
});

it('NNCF_BACKEND allows no other', async () => {
  vi.stubEnv('NNCF_BACKEND', 'tfjs-node-gpu');
  const error = await failure(useBackend({ quiet: true }));
  expect(error.code).toBe('BACKEND_UNAVAILABLE');
  expect(error.message).toMatch(/tfjs-node-gpu is not available: @tensorflow\/tfjs-node-gpu is not installed/);
  expect(error.hint).toMatch(/npx @nncf\/libtensorflow/);
});

it('an unknown name is an error that lists the known ones', async () => {
  vi.stubEnv('NNCF_BACKEND', 'webgpu');
  const error = await failure(useBackend());
  expect(error.code).toBe('BACKEND_UNKNOWN');
  expect(error.hint).toContain('tfjs-node-gpu, tfjs-node, wasm, cpu');
});

it('the wasm module leaves no handler that rethrows errors from elsewhere', async () => {
  const before = process.listenerCount('uncaughtException');
  await useBackend({ prefer: 'wasm', quiet: true });
  expect(process.listenerCount('uncaughtException')).toBe(before);
});

it('refuses native operations on other backends', async () => {
  await useBackend({ prefer: 'cpu', quiet: true });
  expect(isNative()).toBe(false);
  expect(nativeVersion()).toBeUndefined();
  expect(() => nativeOp('Relu', { T: { type: 'float32' } }, [tf.scalar(1)])).toThrow(
    expect.objectContaining({ code: 'BACKEND_NOT_NATIVE' }),
  );
});

it.runIf(native)('runs TensorFlow operations by name, with every kind of attribute', async () => {
  await useBackend({ prefer: 'tfjs-node', quiet: true });
  expect(isNative()).toBe(true);
  expect(nativeVersion()).toMatch(/^2\.\d+/);
  const x = tf.tensor1d([-0.2, 0.3, 1.4]);
  const attributes = { num_bits: { int: 8 }, narrow_range: { bool: false } } as const;
  const [y] = nativeOp('FakeQuantWithMinMaxVars', attributes, [x, tf.scalar(0), tf.scalar(1)]);
  const [first, second, third] = y!.dataSync();
  expect([first, third]).toEqual([0, 1]);
  expect(second).toBeCloseTo(77 / 255, 6);
  const parts = nativeOp('Split', { T: { type: 'float32' }, num_split: { int: 3 } }, [tf.scalar(0, 'int32'), x], 3);
  expect(parts.map((part) => part.shape)).toEqual([[1], [1], [1]]);
  const image = tf.ones([1, 2, 2, 1]);
  const pool = {
    T: { type: 'float32' },
    ksize: { int: [1, 2, 2, 1] },
    strides: { int: [1, 2, 2, 1] },
    padding: { string: 'VALID' },
  } as const;
  expect(nativeOp('AvgPool', pool, [image])[0]!.shape).toEqual([1, 1, 1, 1]);
});
