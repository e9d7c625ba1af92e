/** Batch normalization in training for the wasm backend: the fewest passes over the data, with sums as matrix products. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { BATCH_NORM_TRAINING, BATCH_NORM_TRAINING_GRAD, type BatchNormAttributes } from '../native/batch-norm.ts';
import { sumToLastAxis } from './sums.ts';

/** Outputs as the operation of tfjs-node has them: y, mean, variance with Bessel's correction, and three for the gradient. */
export const wasmBatchNorm: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { x, scale, offset } = inputsOf<'x' | 'scale' | 'offset'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    return tf.tidy(() => {
      const count = x.size / scale.size;
      const mean = tf.div(sumToLastAxis(x), count) as tf.Tensor1D;
      const variance = tf.div(sumToLastAxis(tf.square(tf.sub(x, mean))), count) as tf.Tensor1D;
      const y = tf.batchNorm4d(x as tf.Tensor4D, mean, variance, offset as tf.Tensor1D, scale as tf.Tensor1D, epsilon);
      const corrected = tf.mul(variance, count / Math.max(count - 1, 1));
      return [y, mean, corrected, tf.clone(mean), variance, tf.scalar(0)];
    });
  },
};

/**
 * dx = a·dy + b·(x − mean) + c with a, b, c for each channel: a = scale/√(variance + epsilon), b = −a·dScale/(n·√(variance + epsilon)),
 * c = −a·dOffset/n.
 */
export const wasmBatchNormGrad: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING_GRAD,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { dy, x, scale, saved1: mean, saved2: variance } = inputsOf<'dy' | 'x' | 'scale' | 'saved1' | 'saved2'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    return tf.tidy(() => {
      const count = x.size / scale.size;
      const centred = tf.sub(x, mean);
      const inverse = tf.rsqrt(tf.add(variance, epsilon));
      const dOffset = sumToLastAxis(dy);
      const dScale = tf.mul(sumToLastAxis(tf.mul(dy, centred)), inverse);
      const a = tf.mul(scale, inverse);
      const b = tf.div(tf.mul(tf.mul(a, inverse), dScale), -count);
      const c = tf.div(tf.mul(a, dOffset), -count);
      const dx = tf.add(tf.add(tf.mul(dy, a), tf.mul(centred, b)), c);
      return [dx, dScale, dOffset];
    });
  },
};
