import * as tf from '@tensorflow/tfjs-core';

/** A range in which zero is a grid point. All three have the shape of the input range. */
export interface TunedRange {
  /** Lowest value, at most 0. */
  readonly low: tf.Tensor;
  /** Width; `low + range` is at least 0. */
  readonly range: tf.Tensor;
  /** Level of the value zero, a whole number from 0 to levels − 1. No gradient flows into it. */
  readonly zeroPoint: tf.Tensor;
}

/**
 * Moves one end of a range so that zero falls on one of the `levels` evenly spaced points from `low` to `low + range`. The range only
 * ever gets wider, and of the two ways to widen it the one with the finer fit is taken (arXiv 2002.08679, section 3.1). With n = levels − 1:
 *
 *     low' = min(low, 0), high' = max(low + range, 0), zp = round(−low'·n/(high' − low'))
 *     [zp/(zp − n)·high', high'] if that is wider than [low', (zp − n)/zp·low'], else the latter
 *
 * The gradient is the identity: `low` passes it to `inputLow` and `range` to `inputRange`.
 *
 * @param inputLow lowest value, any shape
 * @param inputRange width, above 0, same shape
 * @param levels number of grid points, 2 or more
 */
export function tuneRange(inputLow: tf.Tensor, inputRange: tf.Tensor, levels: number): TunedRange {
  const tuned = (): TunedRange => computeTunedRange(inputLow, inputRange, levels);
  return {
    low: withGradient(inputLow, () => tuned().low, identity),
    range: withGradient(inputRange, () => tuned().range, identity),
    zeroPoint: withGradient(
      inputLow,
      () => tuned().zeroPoint,
      (dy) => tf.zerosLike(dy),
    ),
  };
}

const identity = (dy: tf.Tensor): tf.Tensor => dy;

/** The value `compute` gives, off the tape, with `gradient` as its only derivative, taken by `input`. */
function withGradient(input: tf.Tensor, compute: () => tf.Tensor, gradient: (dy: tf.Tensor) => tf.Tensor): tf.Tensor {
  return tf.customGrad(() => ({ value: compute(), gradFunc: gradient }))(input);
}

/** {@link tuneRange} without its gradient. */
export function computeTunedRange(inputLow: tf.Tensor, inputRange: tf.Tensor, levels: number): TunedRange {
  return tf.tidy(() => {
    const n = levels - 1;
    const high = tf.maximum(tf.add(inputRange, inputLow), 0);
    const low = tf.minimum(inputLow, 0);
    const zeroPoint = tf.round(tf.mul(tf.abs(low), tf.div(n, tf.sub(high, low))));
    const below = tf.sub(zeroPoint, n);
    const newLow = tf.where(tf.less(zeroPoint, n), tf.mul(tf.div(zeroPoint, below), high), low);
    const newHigh = tf.where(tf.greater(zeroPoint, 0), tf.mul(tf.div(below, zeroPoint), low), high);
    const moveLow = tf.greater(tf.sub(high, newLow), tf.sub(newHigh, low));
    const tunedLow = tf.where(moveLow, newLow, low);
    return { low: tunedLow, range: tf.sub(tf.where(moveLow, high, newHigh), tunedLow), zeroPoint };
  });
}
