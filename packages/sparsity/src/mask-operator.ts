import type { OperatorContext, TensorOperator } from '@nncf/core';
import { mul, ones, tidy, variable, type Tensor, type Variable } from '@tensorflow/tfjs-core';

/** Multiplies a weight by a mask of zeros and ones that is no part of training. */
export class MaskOperator implements TensorOperator {
  readonly kind = 'mask';
  readonly parameters: readonly Variable[];
  readonly #mask: Variable;

  /** A mask of ones. @param shape that of the weight */
  constructor(shape: readonly number[]) {
    this.#mask = tidy(() => variable(ones([...shape]), false));
    this.parameters = [this.#mask];
  }

  /** 1 where a weight is kept, else 0; float32. */
  get mask(): Tensor {
    return this.#mask;
  }

  /** Sets the mask. @param mask stays the caller's */
  set(mask: Tensor): void {
    this.#mask.assign(mask);
  }

  /** w·mask. The gradient is masked too. */
  apply(weight: Tensor, _context?: OperatorContext): Tensor {
    return mul(weight, this.#mask);
  }

  dispose(): void {
    this.#mask.dispose();
  }
}
