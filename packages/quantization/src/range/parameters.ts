import * as tf from '@tensorflow/tfjs-core';
import type { Range } from './estimator.ts';

/** What the ranges are for: to be trained from there, or to be used as they are. */
export type RangePurpose = 'training' | 'post_training';

/** Parameter of a symmetric quantizer. */
export interface SymmetricParameters {
  /** Highest value of the grid, of the shape of the range. The caller disposes of it. */
  readonly scale: tf.Tensor;
  readonly signed: boolean;
}

/** Parameters of an asymmetric quantizer, of the shape of the range. The caller disposes of them. */
export interface AsymmetricParameters {
  readonly inputLow: tf.Tensor;
  readonly inputRange: tf.Tensor;
}

/** Share of the widest channel below which no channel may fall, so that a dead channel still has a scale. */
const NARROWEST_SHARE = 0.01;

/** Smallest scale: wide for training, where it must be able to move, and barely more than nothing after training. */
const SMALLEST_SCALE: Readonly<Record<RangePurpose, number>> = { training: 0.1, post_training: 8e-5 };

/** A range no wider than this after training is widened by as much on each side. */
const NARROWEST_RANGE = 8e-4;

/**
 * Scale and sign of a symmetric quantizer. With m = max(|min|, |max|): scale = max(m, 0.01·max m, 0.1), and 8e-5 in place of 0.1 after
 * training; signed when any minimum is below zero, unless `signed` forces it.
 */
export function symmetricParameters(range: Range, purpose: RangePurpose, signed?: boolean): SymmetricParameters {
  const min = range.min.dataSync();
  const max = range.max.dataSync();
  const magnitude = Array.from(min, (low, c) => Math.max(Math.abs(low), Math.abs(max[c]!)));
  const smallest = Math.max(NARROWEST_SHARE * largest(magnitude), SMALLEST_SCALE[purpose]);
  return {
    scale: parameter(
      magnitude.map((value) => Math.max(value, smallest)),
      range,
    ),
    signed: signed ?? min.some((low) => low < 0),
  };
}

/**
 * Lowest value and width of an asymmetric quantizer. For training a width below a hundredth of the widest grows to that, half on each side.
 * After training a width of at most 8e-4 grows by 8e-4 on each side, and zero is taken in.
 */
export function asymmetricParameters(range: Range, purpose: RangePurpose): AsymmetricParameters {
  const min = Array.from(range.min.dataSync());
  const max = Array.from(range.max.dataSync());
  const [low, high] = purpose === 'training' ? widenNarrow(min, max) : widenEmpty(min, max);
  return {
    inputLow: parameter(low, range),
    inputRange: parameter(
      high.map((value, c) => value - low[c]!),
      range,
    ),
  };
}

function widenNarrow(min: number[], max: number[]): [low: number[], high: number[]] {
  const widths = max.map((high, c) => high - min[c]!);
  const narrowest = NARROWEST_SHARE * largest(widths);
  const missing = widths.map((width) => Math.max(0, narrowest - width) / 2);
  return [min.map((low, c) => low - missing[c]!), max.map((high, c) => high + missing[c]!)];
}

function widenEmpty(min: number[], max: number[]): [low: number[], high: number[]] {
  const missing = max.map((high, c) => (high - min[c]! > NARROWEST_RANGE ? 0 : NARROWEST_RANGE));
  return [min.map((low, c) => Math.min(low - missing[c]!, 0)), max.map((high, c) => Math.max(high + missing[c]!, 0))];
}

function largest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

function parameter(values: number[], range: Range): tf.Tensor {
  return tf.tensor(values, range.min.shape, 'float32');
}
