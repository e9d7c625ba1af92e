import * as tf from '@tensorflow/tfjs-core';
import type { Corners } from './boxes.ts';

/**
 * Factors on the encodings of centre and size: 1 / 0.1 and 1 / 0.2, the variances of SSD (Liu et al. 2015), which TensorFlow's detection zoo calls
 * scales.
 */
export const CENTRE_SCALE = 10;
/** See {@link CENTRE_SCALE}. */
export const SIZE_SCALE = 5;

/** Smallest side of a box whose logarithm is taken. */
const SMALLEST = 1e-6;

/**
 * Encodes box `box` against anchor `anchor`: shift of the centre in units of the anchor's size, and the logarithm of the ratio of sizes, scaled.
 * @param boxes `[boxes, 4]`, edges
 * @param anchors `[anchors, 4]`, centre y, centre x, height, width
 * @param target written at `[anchor, 0..3]`
 */
export function encodeBox(boxes: Corners, box: number, anchors: Float32Array, anchor: number, target: Float32Array): void {
  const [from, at] = [4 * box, 4 * anchor];
  for (const axis of [0, 1]) {
    const [low, high] = [boxes[from + axis]!, boxes[from + 2 + axis]!];
    const [centre, size] = [anchors[at + axis]!, anchors[at + 2 + axis]!];
    target[at + axis] = (CENTRE_SCALE * ((low + high) / 2 - centre)) / size;
    target[at + 2 + axis] = SIZE_SCALE * Math.log(Math.max(high - low, SMALLEST) / size);
  }
}

/**
 * Decodes encodings.
 * @param encodings `[batch, anchors, 4]`
 * @param anchors `[anchors, 4]`, centre y, centre x, height, width
 * @returns edges, `[batch, anchors, 4]`: top, left, bottom, right
 */
export function decodeBoxes(encodings: tf.Tensor3D, anchors: tf.Tensor2D): tf.Tensor3D {
  return tf.tidy(() => {
    const [shift, stretch] = tf.split(encodings, 2, 2);
    const [centre, size] = tf.split(anchors, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
    const middle = tf.add(tf.mul(shift!, tf.div(size, CENTRE_SCALE)), centre);
    const half = tf.mul(tf.exp(tf.div(stretch!, SIZE_SCALE)), tf.div(size, 2));
    return tf.concat([tf.sub(middle, half), tf.add(middle, half)], 2) as tf.Tensor3D;
  });
}
