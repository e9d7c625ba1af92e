/** Backends that load one after the other. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, expect, it, vi } from 'vitest';
import { useBackend } from '../src/select.ts';
import { disableTrainingKernels } from '../src/training-kernels.ts';

afterAll(disableTrainingKernels);

it('a backend that loads later gets its kernels too, without a word of TensorFlow.js about kernels that are there already', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined);
  await useBackend({ prefer: 'cpu', quiet: true });
  expect(tf.findBackendFactory('wasm')).toBeNull();
  await useBackend({ prefer: 'wasm', quiet: true });
  expect(warn).not.toHaveBeenCalled();
  // WebAssembly's own gradient of maximum pooling adds onto what was in memory.
  const x = tf.tensor4d([1, 2, 4, 3], [1, 2, 2, 1]);
  const slope = tf.grad((input: tf.Tensor) => tf.sum(tf.maxPool(input as tf.Tensor4D, 2, 2, 'valid')));
  for (let time = 0; time < 5; time++) expect([...(await slope(x).data())]).toEqual([0, 0, 1, 0]);
  // And it has none of a filter.
  const filter = tf.ones([1, 1, 1, 1]);
  const ofFilter = tf.grad((w: tf.Tensor) => tf.sum(tf.conv2d(x, w as tf.Tensor4D, 1, 'valid')));
  expect([...(await ofFilter(filter).data())]).toEqual([10]);
  warn.mockRestore();
});
