/** Binarization by the compiled operations: one pass each, on all processors. Nothing here is recorded for gradients. */
import * as tf from '@tensorflow/tfjs-core';
import { nativeOp, nativeOp1, type NativeAttributes } from '../kernel-map.ts';
import { hasOperations } from './operations.ts';

const NO_ATTRIBUTES: NativeAttributes = {};
const PER_FILTER: NativeAttributes = { per_filter: { bool: true } };
const WHOLE: NativeAttributes = { per_filter: { bool: false } };

let known: boolean | undefined;

/** True where the operations of this file can run now. A library that was compiled before they were written does not have them. */
export function hasBinarization(): boolean {
  return hasOperations() && (known ??= tf.tidy(answers));
}

function answers(): boolean {
  try {
    return binarizeWeightsOperation(tf.ones([1]), true).size === 1;
  } catch {
    return false;
  }
}

/**
 * y = s·[x > t·s].
 *
 * @param x float32 `[…, channels]`
 * @param scale s, one value
 * @param threshold t, one value for each channel, or one
 */
export function binarizeActivationsOperation(x: tf.Tensor, scale: tf.Tensor, threshold: tf.Tensor): tf.Tensor {
  return nativeOp1('NncfBinarizeActivations', NO_ATTRIBUTES, [x, scale, threshold]);
}

/** Gradients of {@link binarizeActivationsOperation}, each in the shape of its operand. */
export interface BinarizationGradients {
  readonly dx: tf.Tensor;
  readonly dScale: tf.Tensor;
  readonly dThreshold: tf.Tensor;
}

/**
 * dx = g·[0 ≤ x ≤ s], dScale = Σ g·([x ≤ s]·(y − x)/s + [x > s]), dThreshold = −Σ g·[0 < x < s] over each channel, in one pass.
 *
 * @param upstream g, in the shape of x
 */
export function binarizeActivationsGradOperation(
  upstream: tf.Tensor,
  x: tf.Tensor,
  scale: tf.Tensor,
  threshold: tf.Tensor,
): BinarizationGradients {
  const [dx, dScale, dThreshold] = nativeOp('NncfBinarizeActivationsGrad', NO_ATTRIBUTES, [upstream, x, scale, threshold], 3);
  return { dx: dx!, dScale: dScale!, dThreshold: dThreshold! };
}

/**
 * m where x > 0, else −m.
 *
 * @param x float32 `[…, filters]`
 * @param perFilter m is the mean of |x| over a filter (the last axis counts filters), else over the whole tensor
 */
export function binarizeWeightsOperation(x: tf.Tensor, perFilter: boolean): tf.Tensor {
  return nativeOp1('NncfBinarizeWeights', perFilter ? PER_FILTER : WHOLE, [x]);
}
