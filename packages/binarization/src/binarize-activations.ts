import * as tf from '@tensorflow/tfjs-core';
import { shapeMismatch } from './errors.ts';
import { binarizationKernels } from './kernels.ts';

/**
 * Binarizes activations by a scale s and thresholds t, both trained (section 3.2 of arXiv 2002.08679):
 *
 *     y = s·[x > t·s]
 *     dx = g·[0 ≤ x ≤ s]    ds = Σ g·([x ≤ s]·(y − x)/s + [x > s])    dt = −Σ g·[0 < x < s]
 *
 * for the upstream gradient g; dt is summed over the axes on which `threshold` has size 1 or no axis. t·s is rounded to float32 before it is
 * compared.
 *
 * @param x float32 `[…, channels]`
 * @param scale s, one number above 0, of any rank
 * @param threshold t between 0 and 1: one number, or one for each channel (`[channels]`, `[1, 1, 1, channels]`)
 * @returns the shape of x
 * @throws NncfError `SHAPE_MISMATCH`
 */
export function binarizeActivations<T extends tf.Tensor>(x: T, scale: tf.Tensor, threshold: tf.Tensor): T {
  if (scale.size !== 1) throw shapeMismatch('scale', scale.shape, x.shape);
  if (!broadcastsInto(threshold.shape, x.shape)) throw shapeMismatch('threshold', threshold.shape, x.shape);
  const kernels = binarizationKernels(threshold.shape);
  const operation = tf.customGrad((...args) => {
    const [x, scale, threshold] = args as Operands;
    (args[3] as tf.GradSaveFunc)([x, scale, threshold]);
    return {
      value: kernels.activations({ x, scale, threshold }) as T,
      gradFunc: (upstream: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, scale, threshold] = saved as Operands;
        const { dx, dScale, dThreshold } = kernels.activationGradients(upstream, { x, scale, threshold });
        return [dx, dScale, dThreshold];
      },
    };
  });
  return operation(x, scale, threshold);
}

type Operands = [x: tf.Tensor, scale: tf.Tensor, threshold: tf.Tensor];

function broadcastsInto(parameter: readonly number[], shape: readonly number[]): boolean {
  const offset = shape.length - parameter.length;
  return offset >= 0 && parameter.every((size, axis) => size === 1 || size === shape[axis + offset]);
}
