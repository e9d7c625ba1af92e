import type { OperatorContext, TensorOperator } from '@nncf/core';
import { MaskOperator } from '@nncf/sparsity';
import { fill, sum, tidy, variable, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import { applyRbMask, applySettledMask, INITIAL_LOGIT, openGates } from './gates.ts';

/** How far the draws of a gate have come. */
export interface DrawState {
  /** Number of draws so far. */
  readonly draws: number;
  /** The logits have not changed since the last draw, so that it still holds. */
  readonly current: boolean;
}

/**
 * Gates a weight by trained logits. In training the gates are drawn once for every value of the logits, that is once an
 * optimizer step, however often the weight is used in it.
 */
export class GateOperator implements TensorOperator {
  readonly kind = 'mask';
  readonly logits: Variable;
  readonly parameters: readonly Variable[];
  readonly #seed: number;
  /** The gates as they were when they froze: an optimizer with momentum moves logits on for a while. */
  readonly #settled: MaskOperator;
  #draws = 0;
  #drawnFor: object | undefined;
  #frozen = false;

  /**
   * Gates that are open with probability 0.99.
   *
   * @param shape that of the weight
   * @param seed of this gate's draws
   */
  constructor(shape: readonly number[], seed: number) {
    this.logits = tidy(() => variable(fill([...shape], INITIAL_LOGIT)));
    this.#settled = new MaskOperator(shape);
    this.parameters = [this.logits, ...this.#settled.parameters];
    this.#seed = seed;
  }

  /** Changes when the gates freeze. */
  get revision(): number {
    return this.#frozen ? 1 : 0;
  }

  /** The gates once they are frozen, undefined before. */
  get settled(): MaskOperator | undefined {
    return this.#frozen ? this.#settled : undefined;
  }

  /** From now on the gates stay as they are without noise, and their logits have no part in training. */
  freeze(): void {
    if (!this.#frozen) tidy(() => this.#settled.set(openGates(this.logits)));
    this.#frozen = true;
  }

  /** Gates and logits have their part in training again. */
  thaw(): void {
    this.#frozen = false;
  }

  get drawState(): DrawState {
    return { draws: this.#draws, current: this.#drawnFor === this.logits.dataId };
  }

  set drawState({ draws, current }: DrawState) {
    this.#draws = draws;
    this.#drawnFor = current ? this.logits.dataId : undefined;
  }

  apply(weight: Tensor, { training }: OperatorContext): Tensor {
    if (this.#frozen) return applySettledMask(weight, this.logits, this.#settled.mask);
    if (!training) return applyRbMask(weight, this.logits);
    return applyRbMask(weight, this.logits, { training, seed: mix(this.#seed, this.#draw()) });
  }

  /** Number of gates that are open without noise. */
  openCount(): number {
    return tidy(() => sum(this.#frozen ? this.#settled.mask : openGates(this.logits)).dataSync()[0] as number);
  }

  dispose(): void {
    this.logits.dispose();
    this.#settled.dispose();
  }

  #draw(): number {
    if (this.#drawnFor !== this.logits.dataId) this.#draws++;
    this.#drawnFor = this.logits.dataId;
    return this.#draws;
  }
}

/** One seed out of two. */
export function mix(a: number, b: number): number {
  return (Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)) | 0;
}
