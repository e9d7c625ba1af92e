import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';

/**
 * Adds the rows of x that belong to the same segment: the gradient of gathering rows.
 *
 * @param x `[rows, …]` flat, each row of `size` values.
 * @param segments Segment of each row; negative ones are left out, as in TensorFlow.
 * @returns `[segmentCount, size]` flat.
 */
function segmentSum(x: ArrayLike<number>, size: number, segments: ArrayLike<number>, segmentCount: number): Float32Array {
  const sums = new Float32Array(segmentCount * size);
  for (let row = 0; row < segments.length; row += 1) {
    const segment = segments[row]!;
    if (segment < 0) continue;
    for (let index = 0; index < size; index += 1) sums[segment * size + index]! += x[row * size + index]!;
  }
  return sums;
}

/** TensorFlow.js's kernel `UnsortedSegmentSum` on the named backend. */
export function segmentSumConfig(backendName: string): tf.KernelConfig {
  return {
    kernelName: tf.UnsortedSegmentSum,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputsOf<'x' | 'segmentIds'>(inputs);
      const { numSegments } = attributesOf<{ numSegments: number }>(attrs);
      const rest = x.shape.slice(segmentIds.rank);
      const size = rest.reduce((product, length) => product * length, 1);
      return tf.tensor(segmentSum(x.dataSync(), size, segmentIds.dataSync(), numSegments), [numSegments, ...rest], x.dtype);
    },
  };
}
