import * as tf from '@tensorflow/tfjs-core';
import type { Moment } from '@nncf/sample-training';

/** Training on parts of the pictures at first: quicker, and the rest makes up for it (progressive resizing). */
export interface WindowOptions {
  /** Side of the square in pixels. */
  readonly size: number;
  /** Number of epochs at the start; half an epoch is 0.5. */
  readonly epochs: number;
}

/** Cuts a square out of all pictures of a batch, the same one: each of them has its own shift already. */
export function cut(xs: tf.Tensor4D, window: WindowOptions | undefined, { progress, step }: Moment, seed: number): tf.Tensor4D {
  if (window === undefined || progress >= window.epochs) return xs;
  const { size } = window;
  const random = (range: number, salt: number): number =>
    (Math.imul(step + Math.floor(progress) * 7919 + seed + 1, salt) >>> 8) % (range + 1);
  const [top, left] = [random(xs.shape[1] - size, 0x9e3779b1), random(xs.shape[2] - size, 0x85ebca6b)];
  return tf.slice(xs, [0, top, left, 0], [-1, size, size, -1]);
}
