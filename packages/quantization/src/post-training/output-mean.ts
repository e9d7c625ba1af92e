import type { GraphNode } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { runLinear } from './run-linear.ts';

/**
 * Sum over samples of what a convolution or product reads, and how many there are. The rows of a product are samples; a convolution's positions stay
 * apart, since its borders see zeros.
 */
export function inputSum({ op }: GraphNode, x: tf.Tensor): { readonly total: tf.Tensor; readonly count: number } {
  const samples = op === 'MatMul' ? tf.reshape(x, [-1, x.shape.at(-1) ?? 1]) : x;
  return { total: tf.sum(samples, 0, true), count: samples.shape[0] ?? 0 };
}

/**
 * Mean of a convolution's or product's result over samples and positions, one number for every output channel. The operation is linear, so it runs
 * once, on the mean of the samples.
 *
 * @param mean of the samples, `[1, …]`
 * @param traceBatch batch size at which the node's attributes were seen
 */
export function outputMean(node: GraphNode, mean: tf.Tensor, weights: tf.Tensor, traceBatch: number): tf.Tensor1D {
  return tf.tidy(() => {
    const y = runLinear(node, mean, weights, traceBatch);
    return tf.mean(tf.reshape(y, [-1, y.shape.at(-1) ?? 1]), 0);
  });
}
