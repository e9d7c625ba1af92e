import { hasBinarization } from '@nncf/backend/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { composedKernels } from './kernels/composed.ts';
import { hostKernels } from './kernels/host.ts';
import { operationKernels } from './kernels/operation.ts';

/** Activations with the parameters that binarize them. */
export interface Binarization {
  readonly x: tf.Tensor;
  /** s, one value. */
  readonly scale: tf.Tensor;
  /** t; broadcasts against x. */
  readonly threshold: tf.Tensor;
}

/** Gradients of {@link BinarizationKernels.activations}, each in the shape of its operand. */
export interface ActivationGradients {
  readonly dx: tf.Tensor;
  readonly dScale: tf.Tensor;
  readonly dThreshold: tf.Tensor;
}

/**
 * One implementation of binarization; none is recorded for gradients. All give the same y and dx in float32; means and sums differ in their last
 * bits.
 *
 *     activations: y = s·[x > t·s]        weights: y = m where x > 0, else −m
 *     dx = g·[0 ≤ x ≤ s]    ds = Σ g·([x ≤ s]·(y − x)/s + [x > s])    dt = −Σ g·[0 < x < s] over each channel
 */
export interface BinarizationKernels {
  activations(binarization: Binarization): tf.Tensor;
  activationGradients(upstream: tf.Tensor, binarization: Binarization): ActivationGradients;
  /** @param perFilter m is the mean of |w| over a filter (the last axis counts filters), else over the whole tensor */
  weights(w: tf.Tensor, perFilter: boolean): tf.Tensor;
}

/** Backends whose values lie in this process's memory, where one loop beats a dozen kernels. */
const HOST_BACKENDS: ReadonlySet<string> = new Set(['cpu', 'wasm']);

/**
 * The fastest implementation on the current backend.
 *
 * @param thresholdShape has one value, or one for each position on the last axis; for other shapes only the composition serves
 */
export function binarizationKernels(thresholdShape: readonly number[] = []): BinarizationKernels {
  const isPlain = thresholdShape.slice(0, -1).every((size) => size === 1);
  if (isPlain && hasBinarization()) return operationKernels;
  return isPlain && HOST_BACKENDS.has(tf.getBackend()) ? hostKernels : composedKernels;
}
