import * as tf from '@tensorflow/tfjs-core';
import { binarizationKernels } from './kernels.ts';

/**
 * Binarizes filters as XNOR-Net does (Rastegari et al., arXiv 1603.05279; section 3.2 of arXiv 2002.08679):
 *
 *     y = m_f where w > 0, else −m_f        m_f = mean |w| over the output filter f
 *
 * Zero goes to −m_f. The gradient by w is the upstream gradient unchanged. The paper's text takes the mean by input channel, its code by output
 * filter, which is what a runtime can multiply behind the binary convolution, and what this function does.
 *
 * @param w float32 with the output filters on the last axis: `[height, width, in, out]`
 * @returns the shape of w
 */
export function binarizeWeightsXnor<T extends tf.Tensor>(w: T): T {
  return straightThrough(w, (weights) => binarizationKernels().weights(weights, true));
}

/**
 * Binarizes weights as DoReFa-Net does (Zhou et al., arXiv 1606.06160): as {@link binarizeWeightsXnor}, with one mean over the whole tensor.
 *
 * @param w float32 of any shape
 * @returns the shape of w
 */
export function binarizeWeightsDorefa<T extends tf.Tensor>(w: T): T {
  return straightThrough(w, (weights) => binarizationKernels().weights(weights, false));
}

/** `f(w)` with the gradient of the identity (Bengio et al., arXiv 1308.3432). */
function straightThrough<T extends tf.Tensor>(w: T, f: (w: tf.Tensor) => tf.Tensor): T {
  const operation = tf.customGrad((weights) => ({
    value: f(weights as tf.Tensor) as T,
    gradFunc: (upstream: tf.Tensor) => tf.clone(upstream),
  }));
  return operation(w) as T;
}
