import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** Loads cpu, wasm and tfjs-node into one process, so that a test can switch between them; the list of engine names that load here. */
export async function loadBackends(): Promise<string[]> {
  const { loadBackend } = await import('../src/load.ts');
  const loaded: string[] = [];
  for (const name of ['cpu', 'wasm', 'tfjs-node'] as const) {
    try {
      await loadBackend(name);
      loaded.push(tf.getBackend());
    } catch {
      // The addon is not built here: the tests that need it say so.
    }
  }
  return loaded;
}

/** A value with the data it was computed from, free of any backend. */
export interface Plain {
  readonly shape: number[];
  readonly values: number[];
}

/** Pseudo-random values in [−1, 1], the same on every run. */
export function noise(shape: number[], seed: number): Plain {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const values = Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 2 - 1;
  });
  return { shape, values };
}

export type Operation = (...inputs: tf.Tensor[]) => tf.Tensor;

function plain(tensor: tf.Tensor): Plain {
  return { shape: tensor.shape, values: [...tensor.dataSync()] };
}

/** `tf.tidy` for results that are no tensors. */
function scoped<T>(compute: () => T): T {
  tf.engine().startScope();
  try {
    return compute();
  } finally {
    tf.engine().endScope();
  }
}

/** The operation's output and its gradients for an uneven upstream gradient, on one backend. */
export async function outputAndGradients(backend: string, operation: Operation, inputs: readonly Plain[]): Promise<Plain[]> {
  await tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const results = scoped(() => {
    const tensors = inputs.map(({ shape, values }) => tf.tensor(values, shape));
    const output = operation(...tensors);
    const weights = noise(output.shape, 99);
    const gradients = tf.grads((...args: tf.Tensor[]) => tf.sum(tf.mul(operation(...args), tf.tensor(weights.values, weights.shape))))(
      tensors,
    );
    return [output, ...gradients].map(plain);
  });
  expect(tf.memory().numTensors).toBe(before);
  return results;
}

/** Largest difference between two results, relative to the largest value. */
function distance(a: Plain, b: Plain): number {
  expect(a.shape).toEqual(b.shape);
  const scale = Math.max(1e-6, ...b.values.map(Math.abs));
  return Math.max(0, ...a.values.map((value, index) => Math.abs(value - (b.values[index] ?? Number.NaN)) / scale));
}

/** Expects two lists of results to agree to `tolerance`, relative. */
export function expectClose(actual: readonly Plain[], expected: readonly Plain[], tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  const distances = actual.map((value, index) => distance(value, expected[index] ?? { shape: [], values: [] }));
  expect(Math.max(...distances), `relative distances ${distances.join(', ')}`).toBeLessThan(tolerance);
}

/**
 * Expects gradients to agree with central differences of the operation on the cpu backend along a few directions.
 *
 * @param gradients As {@link outputAndGradients} returns them, the output first.
 */
export async function expectDerivatives(operation: Operation, inputs: readonly Plain[], gradients: readonly Plain[]): Promise<void> {
  await tf.setBackend('cpu');
  const output = gradients[0]?.shape ?? [];
  const weights = noise(output, 99).values;
  const step = 1e-3;
  for (const seed of [11, 12, 13]) {
    const direction = inputs.map(({ shape }, index) => noise(shape, seed * 7 + index));
    const along = (t: number): number => {
      const moved = inputs.map(({ shape, values }, index) => ({
        shape,
        values: values.map((value, at) => value + t * (direction[index]?.values[at] ?? 0)),
      }));
      const result = scoped(() => plain(operation(...moved.map(({ shape, values }) => tf.tensor(values, shape)))));
      return result.values.reduce((sum, value, at) => sum + value * (weights[at] ?? 0), 0);
    };
    const measured = (along(step) - along(-step)) / (2 * step);
    const terms = gradients.slice(1).flatMap(({ values }, index) => values.map((value, at) => value * (direction[index]?.values[at] ?? 0)));
    const claimed = terms.reduce((sum, term) => sum + term, 0);
    const size = Math.sqrt(terms.reduce((sum, term) => sum + term * term, 0)) + 1e-3;
    expect(Math.abs(measured - claimed) / size, `difference quotient ${measured}, gradient ${claimed}`).toBeLessThan(0.05);
  }
}
