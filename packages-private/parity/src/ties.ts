/**
 * Rounding is a decision, and so is clipping. Where a value lies halfway between two levels, or at an end of the range, up to the last bits in which
 * two frameworks differ, each may decide otherwise: one value is then a whole step away, or gets no gradient. What is computed from it moves, more
 * values cross midpoints, and some layers further the rounding errors of the two have nothing in common any more. That says nothing about
 * either. So the reference notes how it decided wherever a value lay within {@link MARGIN} of a step from a midpoint or {@link END_MARGIN} from an
 * end, and our half decides likewise there, and nowhere else.
 *
 * A noted decision is a whole number: four times the number of the value, counted through all quantizers in the order of their names, plus 2 for
 * an end, plus 1 if it was rounded up or lay beyond the end.
 */
import type { FakeQuantizer, QuantizerGrid } from '@nncf/quantization';
import * as tf from '@tensorflow/tfjs-core';
import { keyOf, type Subject } from './subject.ts';
import type { Tap } from './tap.ts';

/** In steps of a grid: more than the halves differ by after twenty steps of training. */
export const MARGIN = 1e-3;

/** The same at the ends, at which many values lie: a ReLU6 makes sixes. */
export const END_MARGIN = 1e-4;

/** How far a value is put from where decisions part if it lies on the wrong side or hardly on the right one, in steps: more than its last bits. */
const BEYOND = 1e-4;

/** How a run went along with the reference's decisions. */
export interface TieCount {
  /** Decisions that were followed. */
  followed: number;
  /** Those that would have gone the other way. */
  turned: number;
  /** Those where our value was nowhere near: the halves have parted. */
  lost: number;
}

/** A value whose decision is known. */
interface Tie {
  readonly at: number;
  readonly atEnd: boolean;
  /** Rounded up, or beyond the end. */
  readonly decision: boolean;
}

/** Lets quantizers decide ties as the reference did in one step. */
export function followTies(codes: Int32Array, subject: Subject, count: TieCount): Tap {
  const byQuantizer = split(codes, subject.sizes);
  return (quantizer, x, apply) => {
    const ties = byQuantizer.get(keyOf(quantizer)) ?? [];
    return apply(ties.length === 0 ? x : settle(x, quantizer, ties, count));
  };
}

function split(codes: Int32Array, sizes: ReadonlyMap<string, number>): Map<string, readonly Tie[]> {
  const ties = new Map<string, readonly Tie[]>();
  let [offset, next] = [0, 0];
  for (const key of [...sizes.keys()].sort()) {
    const own: Tie[] = [];
    for (; next < codes.length && codes[next]! >> 2 < offset + sizes.get(key)!; next++) {
      own.push({ at: (codes[next]! >> 2) - offset, atEnd: (codes[next]! & 2) === 2, decision: (codes[next]! & 1) === 1 });
    }
    if (own.length > 0) ties.set(key, own);
    offset += sizes.get(key)!;
  }
  return ties;
}

function settle(x: tf.Tensor, quantizer: FakeQuantizer, ties: readonly Tie[], count: TieCount): tf.Tensor {
  const grid = quantizer.grid();
  const steps = stepsOf(grid);
  const highest = grid.levelHigh - grid.levelLow;
  const values = Float32Array.from(x.dataSync());
  for (const tie of ties) {
    const channel = tie.at % steps.length;
    const [low, step] = [grid.low[channel]!, steps[channel]!];
    const place = (values[tie.at]! - low) / step;
    const { border, side } = tie.atEnd ? endNear(place, highest, tie) : midpointNear(place, tie);
    const ahead = side * (place - border);
    if (Math.abs(ahead) > 2 * MARGIN) count.lost++;
    else count.followed++;
    if (Math.abs(ahead) > 2 * MARGIN || ahead > BEYOND) continue;
    if (ahead < 0) count.turned++;
    values[tie.at] = low + (border + side * BEYOND) * step;
  }
  return inPlaceOf(x, tf.tensor(values, x.shape));
}

/** Where decisions part, and the side of it that was decided for: 1 above, −1 below. */
interface Border {
  readonly border: number;
  readonly side: 1 | -1;
}

function midpointNear(place: number, { decision }: Tie): Border {
  return { border: Math.round(place - 0.5) + 0.5, side: decision ? 1 : -1 };
}

function endNear(place: number, highest: number, { decision }: Tie): Border {
  const isUpper = place > highest / 2;
  return { border: isUpper ? highest : 0, side: decision === isUpper ? 1 : -1 };
}

/** Distance of neighbouring levels for every channel. */
export function stepsOf({ low, high, levelLow, levelHigh }: QuantizerGrid): Float64Array {
  return Float64Array.from(low, (value, c) => (high[c]! - value) / (levelHigh - levelLow));
}

/** Other values with the gradient of `x`. */
function inPlaceOf(x: tf.Tensor, values: tf.Tensor): tf.Tensor {
  return tf.customGrad(() => ({ value: tf.clone(values), gradFunc: (dy: tf.Tensor) => dy }))(x);
}
