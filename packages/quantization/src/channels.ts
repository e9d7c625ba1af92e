import * as tf from '@tensorflow/tfjs-core';

/**
 * A tensor seen as `outer` × `channels` × `inner` values in memory order, where one quantizer parameter belongs to one channel.
 * A per-tensor parameter has one channel.
 */
export interface ChannelView {
  readonly outer: number;
  readonly channels: number;
  readonly inner: number;
}

/** Whether a parameter of `parameterShape` broadcasts against `shape` without making it larger. */
export function broadcastsInto(parameterShape: readonly number[], shape: readonly number[]): boolean {
  const offset = shape.length - parameterShape.length;
  return offset >= 0 && parameterShape.every((size, axis) => size === 1 || size === shape[axis + offset]);
}

/** Axes of `shape` along which a parameter of `parameterShape` has its own value for every position. */
export function channelAxesOf(parameterShape: readonly number[], shape: readonly number[]): number[] {
  const offset = shape.length - parameterShape.length;
  return parameterShape.flatMap((size, axis) => (size === 1 ? [] : [axis + offset]));
}

/**
 * The view of `shape` whose channels are the positions on `axes`.
 *
 * @returns undefined when an axis longer than 1 lies between two of the axes, so that the channels are no block in memory
 */
export function channelView(shape: readonly number[], axes: readonly number[]): ChannelView | undefined {
  const long = axes.filter((axis) => shape[axis] !== 1).sort((a, b) => a - b);
  const first = long[0];
  const last = long.at(-1);
  if (first === undefined || last === undefined) return { outer: 1, channels: 1, inner: product(shape) };
  const between = shape.slice(first, last + 1).filter((size) => size !== 1);
  if (between.length !== long.length) return undefined;
  return { outer: product(shape.slice(0, first)), channels: product(between), inner: product(shape.slice(last + 1)) };
}

/** Sums `x` over every axis on which `parameterShape` has size 1 or no axis, giving a tensor of that shape. */
export function sumTo(x: tf.Tensor, parameterShape: readonly number[]): tf.Tensor {
  const kept = new Set(channelAxesOf(parameterShape, x.shape));
  const axes = x.shape.flatMap((_, axis) => (kept.has(axis) ? [] : [axis]));
  return tf.reshape(tf.sum(x, axes), [...parameterShape]);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
