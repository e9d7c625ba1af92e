import * as tf from '@tensorflow/tfjs-core';
import type { Binarization, BinarizationKernels } from '../kernels.ts';

/** Binarization out of TensorFlow.js operations, for every backend and every threshold that broadcasts. */
export const composedKernels: BinarizationKernels = {
  activations: (binarization) => tf.tidy(() => binarized(binarization)),
  activationGradients: (upstream, binarization) =>
    tf.tidy(() => {
      const { x, scale, threshold } = binarization;
      const s = tf.reshape(scale, []);
      const within = tf.mul(upstream, mask(tf.lessEqual(x, s)));
      const rounding = tf.sum(tf.mul(within, tf.sub(binarized(binarization), x)));
      const above = tf.sum(tf.mul(upstream, mask(tf.greater(x, s))));
      const inner = tf.mul(upstream, mask(tf.logicalAnd(tf.greater(x, 0), tf.less(x, s))));
      return {
        dx: tf.mul(within, mask(tf.greaterEqual(x, 0))),
        dScale: tf.reshape(tf.add(tf.div(rounding, s), above), scale.shape),
        dThreshold: tf.neg(sumTo(inner, threshold.shape)),
      };
    }),
  weights: (w, perFilter) =>
    tf.tidy(() => {
      const axes = perFilter ? w.shape.map((_, axis) => axis).slice(0, -1) : undefined;
      const mean = tf.mean(tf.abs(w), axes, perFilter);
      // Twice the mask less 1 is the sign, with −1 at zero.
      return tf.mul(mean, tf.sub(tf.mul(mask(tf.greater(w, 0)), 2), 1));
    }),
};

function binarized({ x, scale, threshold }: Binarization): tf.Tensor {
  const s = tf.reshape(scale, []);
  return tf.mul(mask(tf.greater(x, tf.mul(threshold, s))), s);
}

function mask(condition: tf.Tensor): tf.Tensor {
  return tf.cast(condition, 'float32');
}

/** Sums over every axis on which `shape` has size 1 or no axis. */
function sumTo(x: tf.Tensor, shape: number[]): tf.Tensor {
  const offset = x.rank - shape.length;
  const axes = x.shape.flatMap((_, axis) => ((shape[axis - offset] ?? 1) === 1 ? [axis] : []));
  return tf.reshape(tf.sum(x, axes), shape);
}
