import * as tf from '@tensorflow/tfjs-core';

/** A function of `customGrad` with its arguments told apart: the inputs, and what keeps tensors for the gradient. */
export type Differentiable = (
  inputs: readonly tf.Tensor[],
  save: tf.GradSaveFunc,
) => { value: tf.Tensor; gradFunc: (upstream: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[] };

/** `customGrad` for a value in the first input's shape. */
export function differentiable<T extends tf.Tensor>(compute: Differentiable): (...inputs: tf.Tensor[]) => T {
  return tf.customGrad((...args) => {
    const inputs = args.slice(0, -1) as tf.Tensor[];
    const result = compute(inputs, args.at(-1) as tf.GradSaveFunc);
    return { value: result.value as T, gradFunc: result.gradFunc };
  });
}
