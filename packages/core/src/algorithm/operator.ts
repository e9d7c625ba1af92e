import type { Tensor, Variable } from '@tensorflow/tfjs-core';

/** What is known when an operator runs. */
export interface OperatorContext {
  /** True in a training forward pass. */
  readonly training: boolean;
}

/** A function on one tensor with parameters of its own, inserted at operands of the model. */
export interface TensorOperator {
  /** Kind for the exporters' mappings: `fake-quantize`, `mask`, … */
  readonly kind: string;
  /** Variables that the result depends on; a change of any of them makes the result stale. */
  readonly parameters: readonly Variable[];
  /** Changes whenever `apply` would give another result for a reason that is not a parameter: a mode, a mask. */
  readonly revision?: number;
  /** Returns a tensor of the same shape, or `x` itself when there is nothing to do. Called on the gradient tape. */
  apply(x: Tensor, context: OperatorContext): Tensor;
}
