import * as tf from '@tensorflow/tfjs-core';

/** Gradients of the task's mean loss by the given weights, in their order; zeros where the loss does not depend on one. */
export type GradientsOf = (weights: readonly tf.Variable[]) => readonly tf.Tensor[];

/** How long {@link hessianTraces} draws. */
export interface TraceOptions {
  /** Random directions at most. */
  readonly iterations: number;
  /** Enough when one more direction changes the sum of the mean traces by less than this share. */
  readonly tolerance: number;
  readonly onIteration?: ((done: number) => void) | undefined;
}

/** Relative length of a step: the cube root of float32's unit round-off, where the errors of rounding and of the third derivative are alike. */
const RELATIVE_STEP = 2 ** -8;

/** Keeps the change of a sum near zero from counting as large. */
const SMALLEST_SUM = 1e-6;

/**
 * Trace of the block of the loss's Hessian that belongs to each weight, by Hutchinson's estimator: tr(H) = E[vᵀHv] for v of random signs
 * (HAWQ-v2, arXiv 1911.03852, section 3.2). One direction goes through all weights at once; what the blocks have in common has mean zero.
 *
 * H·v is a central difference of gradients, (g(w + d) − g(w − d))/2 along d = ε·v. TensorFlow.js cannot differentiate twice: the gradients of
 * convolutions, pools and everything written with `customGrad` have none of their own. The difference is exact on a quadratic, and it sees the
 * curvature that lies in the kinks of ReLU, where a second derivative is zero: the mean over data is smooth there, and bends.
 *
 * ε is of each weight's own size, 2^−8 times its root mean square: the estimator then works in the coordinates w/rms(w), in which a network with
 * normalization has the same curvature however its weights are scaled, and no layer's step is lost in rounding or leaves the neighbourhood.
 *
 * The weights have their old values, to the bit, whenever this function is left. Directions are the same in every run.
 *
 * @param weights any shapes
 * @returns one trace per weight: the sum of the diagonal, not its mean
 */
export function hessianTraces(weights: readonly tf.Variable[], gradientsOf: GradientsOf, options: TraceOptions): readonly number[] {
  const steps = weights.map(stepOf);
  const sums = weights.map(() => 0);
  let before = 0;
  for (let drawn = 1; drawn <= options.iterations; drawn++) {
    estimate(weights, steps, drawn, gradientsOf).forEach((trace, i) => (sums[i]! += trace));
    options.onIteration?.(drawn);
    const total = sums.reduce((sum, trace, i) => sum + trace / drawn / weights[i]!.size, 0);
    if (Math.abs(total - before) < options.tolerance * (Math.abs(before) + SMALLEST_SUM)) return sums.map((sum) => sum / drawn);
    before = total;
  }
  return sums.map((sum) => sum / options.iterations);
}

/** 2^−8 of the root mean square of a weight; of 1 where it is all zeros. */
function stepOf(weight: tf.Variable): number {
  const size = tf.tidy(() => Math.sqrt(tf.mean(tf.square(weight)).dataSync()[0] ?? 0));
  return RELATIVE_STEP * (size > 0 ? size : 1);
}

/** vᵀHv of every block along one direction. */
function estimate(weights: readonly tf.Variable[], steps: readonly number[], draw: number, gradientsOf: GradientsOf): readonly number[] {
  const results: number[] = [];
  tf.tidy(() => {
    const directions = weights.map(({ shape }, i) => randomSigns(shape, `${draw} ${i}`));
    const gradientsAt = (sign: number): readonly tf.Tensor[] =>
      displaced(
        weights,
        directions.map((direction, i) => tf.mul(direction, sign * steps[i]!)),
        () => gradientsOf(weights),
      );
    const [above, below] = [gradientsAt(1), gradientsAt(-1)];
    for (const [i, direction] of directions.entries()) {
      const difference = tf.sum(tf.mul(direction, tf.sub(above[i]!, below[i]!)));
      results.push((difference.dataSync()[0] ?? 0) / (2 * steps[i]!));
    }
  });
  return results;
}

/** Runs a function with the weights moved, and moves them back. */
function displaced<T>(weights: readonly tf.Variable[], by: readonly tf.Tensor[], run: () => T): T {
  const before = weights.map((weight) => tf.clone(weight));
  try {
    weights.forEach((weight, i) => weight.assign(tf.add(before[i]!, by[i]!)));
    return run();
  } finally {
    weights.forEach((weight, i) => weight.assign(before[i]!));
  }
}

/** A tensor of 1 and −1 by chance; the same one for the same seed. */
function randomSigns(shape: number[], seed: string): tf.Tensor {
  return tf.sub(tf.mul(tf.cast(tf.greater(tf.randomUniform(shape, -1, 1, 'float32', seed), 0), 'float32'), 2), 1);
}
