/** Batch normalization in training for the wasm backend, in the fewest passes that its quick kernels allow. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { BATCH_NORM_TRAINING, BATCH_NORM_TRAINING_GRAD, type BatchNormAttributes } from '../native/batch-norm.ts';
import { averageByChannel, scaleByChannel, sumByChannel } from './by-channel.ts';

/** x − mean, by channel. */
function centre(x: tf.Tensor, mean: tf.Tensor): tf.Tensor {
  return scaleByChannel(x, tf.onesLike(mean), tf.neg(mean));
}

/** Outputs as the operation of tfjs-node has them: y, mean, variance with Bessel's correction, and three for the gradient. */
export const wasmBatchNorm: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { x, scale, offset } = inputsOf<'x' | 'scale' | 'offset'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    return tf.tidy(() => {
      const count = x.size / scale.size;
      const mean = averageByChannel(x);
      const centred = centre(x, mean);
      const variance = averageByChannel(tf.square(centred));
      const y = scaleByChannel(centred, tf.mul(scale, tf.rsqrt(tf.add(variance, epsilon))), offset);
      const corrected = tf.mul(variance, count / Math.max(count - 1, 1));
      return [y, mean, corrected, tf.clone(mean), variance, tf.scalar(0)];
    });
  },
};

/**
 * dx = a·dy + b·(x − mean) + c with a, b, c for each channel: a = scale/√(variance + epsilon), b = −a·dScale/(n·√(variance + epsilon)),
 * c = −a·dOffset/n. Outputs the gradients of x, scale and offset.
 */
export const wasmBatchNormGrad: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING_GRAD,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { dy, x, scale, saved1: mean, saved2: variance } = inputsOf<'dy' | 'x' | 'scale' | 'saved1' | 'saved2'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    return tf.tidy(() => {
      const count = x.size / scale.size;
      const centred = centre(x, mean);
      const inverse = tf.rsqrt(tf.add(variance, epsilon));
      const dOffset = sumByChannel(dy);
      const dScale = tf.mul(sumByChannel(tf.mul(dy, centred)), inverse);
      const a = tf.mul(scale, inverse);
      const b = tf.div(tf.mul(tf.mul(a, inverse), dScale), -count);
      const c = tf.div(tf.mul(a, dOffset), -count);
      const dx = tf.add(scaleByChannel(dy, a, c), scaleByChannel(centred, b, tf.zerosLike(c)));
      return [dx, dScale, dOffset];
    });
  },
};
