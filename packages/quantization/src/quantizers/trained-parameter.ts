import * as tf from '@tensorflow/tfjs-core';

/** Smallest magnitude whose logarithm is stored. */
const SMALLEST = 1e-16;

/** A positive parameter, stored as it is or as its logarithm. */
export interface TrainedParameter {
  readonly variable: tf.Variable;
  /** The parameter on the gradient tape. */
  read(): tf.Tensor;
  /** Takes the values of a tensor with as many elements. */
  assign(value: tf.Tensor): void;
}

/** How a parameter is stored and trained. */
export interface TrainedParameterOptions {
  readonly shape: readonly number[];
  /** Store the logarithm. The parameter then stays positive, and its steps are relative to its size. */
  readonly logarithm: boolean;
  /** Factor on its gradient. */
  readonly gradientFactor: number;
}

/** A parameter that starts at 1. */
export function trainedParameter({ shape, logarithm, gradientFactor }: TrainedParameterOptions): TrainedParameter {
  const variable = tf.tidy(() => tf.variable(logarithm ? tf.zeros([...shape]) : tf.ones([...shape]), true));
  return {
    variable,
    read: () => {
      const stored = withGradientFactor(variable, gradientFactor);
      return logarithm ? tf.exp(stored) : stored;
    },
    assign: (value) =>
      tf.tidy(() => {
        // One channel is one value, but keeps the rank of the tensor.
        const shaped = tf.reshape(value, [...shape]);
        variable.assign(logarithm ? tf.log(tf.maximum(tf.abs(shaped), SMALLEST)) : shaped);
      }),
  };
}

/** `x` itself, whose gradient is multiplied. */
export function withGradientFactor(x: tf.Tensor, factor: number): tf.Tensor {
  if (factor === 1) return x;
  return tf.customGrad((input) => ({ value: tf.clone(input as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.mul(dy, factor) }))(x);
}
