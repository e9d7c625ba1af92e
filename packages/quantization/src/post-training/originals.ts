import * as tf from '@tensorflow/tfjs-core';
import { float32Values } from '../tensor-values.ts';

/** Weights that were changed, with the values that they had before. */
export class Originals {
  readonly #values = new Map<tf.Variable, Float32Array>();

  /** Remembers a variable's values, the first time it is asked to. */
  keep(variable: tf.Variable): Float32Array {
    const kept = this.#values.get(variable) ?? Float32Array.from(float32Values(variable));
    this.#values.set(variable, kept);
    return kept;
  }

  /** Puts all values back. */
  restore(): void {
    for (const [variable, values] of this.#values) assignValues(variable, values);
  }
}

/** Gives a variable other values in memory order. */
export function assignValues(variable: tf.Variable, values: Float32Array): void {
  tf.tidy(() => variable.assign(tf.tensor(values, variable.shape)));
}
