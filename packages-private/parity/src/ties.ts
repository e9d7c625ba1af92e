/**
 * Rounding is a decision. Where a value lies halfway between two levels, up to the last bits in which two frameworks differ, each may decide
 * otherwise: one value is then a whole step away, what is computed from it moves, more values cross midpoints, and some layers further the
 * rounding errors of the two have nothing in common any more. That says nothing about either. So the reference notes how it decided wherever a
 * value lay within {@link MARGIN} of a step from a midpoint, and our half decides likewise there, and nowhere else.
 */
import type { FakeQuantizer, QuantizerGrid } from '@nncf/quantization';
import * as tf from '@tensorflow/tfjs-core';
import { keyOf, type Subject } from './subject.ts';
import type { Tap } from './tap.ts';

/** In steps of a grid. A value is moved by no more than thrice this, a hundred-thousandth of the range of 8 bits. */
export const MARGIN = 1e-3;

/** How a run went along with the reference's decisions. */
export interface TieCount {
  /** Decisions that were followed. */
  followed: number;
  /** Those that would have gone the other way. */
  turned: number;
  /** Those where our value was nowhere near: the halves have parted. */
  lost: number;
}

/** Values of one quantizer that are ties: positions, and whether they were rounded up. */
type Ties = readonly { readonly at: number; readonly up: boolean }[];

/** Lets quantizers decide ties as the reference did in one step. */
export function followTies(codes: Int32Array, subject: Subject, count: TieCount): Tap {
  const byQuantizer = split(codes, subject.sizes);
  return (quantizer, x, apply) => {
    const ties = byQuantizer.get(keyOf(quantizer)) ?? [];
    return apply(ties.length === 0 ? x : settle(x, quantizer, ties, count));
  };
}

/** Values are numbered through all quantizers in the order of their names. */
function split(codes: Int32Array, sizes: ReadonlyMap<string, number>): Map<string, Ties> {
  const ties = new Map<string, Ties>();
  let [offset, next] = [0, 0];
  for (const key of [...sizes.keys()].sort()) {
    const own = [];
    for (; next < codes.length && codes[next]! >> 1 < offset + sizes.get(key)!; next++) {
      own.push({ at: (codes[next]! >> 1) - offset, up: (codes[next]! & 1) === 1 });
    }
    if (own.length > 0) ties.set(key, own);
    offset += sizes.get(key)!;
  }
  return ties;
}

function settle(x: tf.Tensor, quantizer: FakeQuantizer, ties: Ties, count: TieCount): tf.Tensor {
  const grid = quantizer.grid();
  const steps = stepsOf(grid);
  const values = Float32Array.from(x.dataSync());
  for (const { at, up } of ties) {
    const channel = at % steps.length;
    const [low, step] = [grid.low[channel]!, steps[channel]!];
    const place = (values[at]! - low) / step;
    const midpoint = Math.round(place - 0.5) + 0.5;
    const isLost = Math.abs(place - midpoint) > 2 * MARGIN;
    if (isLost) count.lost++;
    else count.followed++;
    if (!isLost && place > midpoint !== up) count.turned++;
    if (!isLost) values[at] = low + (midpoint + (up ? MARGIN : -MARGIN)) * step;
  }
  return inPlaceOf(x, tf.tensor(values, x.shape));
}

/** Distance of neighbouring levels for every channel. */
export function stepsOf({ low, high, levelLow, levelHigh }: QuantizerGrid): Float64Array {
  return Float64Array.from(low, (value, c) => (high[c]! - value) / (levelHigh - levelLow));
}

/** Other values with the gradient of `x`. */
function inPlaceOf(x: tf.Tensor, values: tf.Tensor): tf.Tensor {
  return tf.customGrad(() => ({ value: tf.clone(values), gradFunc: (dy: tf.Tensor) => dy }))(x);
}
