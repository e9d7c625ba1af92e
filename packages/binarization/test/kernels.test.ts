import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { binarizationKernels, type BinarizationKernels } from '../src/kernels.ts';
import { composedKernels } from '../src/kernels/composed.ts';
import { hostKernels } from '../src/kernels/host.ts';
import { expectNear, numbers } from './arrays.ts';

const SHAPES = [
  { shape: [40, 50], threshold: [] },
  { shape: [5, 6, 7, 9], threshold: [9] },
  { shape: [9, 5, 5, 128], threshold: [1, 1, 1, 128] },
  { shape: [33, 1], threshold: [1] },
];

describeBackends('the kernels', () => {
  it.each(SHAPES)('agree: one pass in memory, composed, and the one that is chosen, for $threshold on $shape', ({ shape, threshold }) => {
    const [chosen, composed, host] = [binarizationKernels(threshold), composedKernels, hostKernels].map((kernels) =>
      resultsOf(kernels, shape, threshold),
    );
    for (const each of [chosen!, composed!]) {
      expect(each.y).toEqual(host!.y);
      expect(each.dx).toEqual(host!.dx);
      // The composition adds up in float32.
      expectNear(each.sums, host!.sums, 1e-4);
    }
  });

  it.each([true, false])('agree on weights, by filter: %s', (perFilter) => {
    const w = tf.randomNormal([3, 3, 40, 24], 0, 1, 'float32', 5);
    const host = numbers(hostKernels.weights(w, perFilter));
    for (const kernels of [binarizationKernels(), composedKernels]) expectNear(numbers(kernels.weights(w, perFilter)), host, 1e-5);
  });

  it('choose the composition for thresholds along another axis', () => {
    expect(binarizationKernels([4, 1])).toBe(composedKernels);
  });
});

function resultsOf(kernels: BinarizationKernels, shape: number[], threshold: number[]): { y: number[]; dx: number[]; sums: number[] } {
  const x = tf.relu(tf.randomNormal(shape, 0.2, 1, 'float32', 1));
  const binarization = { x, scale: tf.scalar(1.3), threshold: tf.randomUniform(threshold, 0.1, 0.9, 'float32', 4) };
  const upstream = tf.randomNormal(shape, 0, 1, 'float32', 2);
  const { dx, dScale, dThreshold } = kernels.activationGradients(upstream, binarization);
  return { y: numbers(kernels.activations(binarization)), dx: numbers(dx), sums: [...numbers(dScale), ...numbers(dThreshold)] };
}
