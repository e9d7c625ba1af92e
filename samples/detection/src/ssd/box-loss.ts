import * as tf from '@tensorflow/tfjs-core';
import { labelsOf, type AnchorTargets } from './matching.ts';

/** Smooth L1 of the encodings `[batch, anchors, 4]` of anchors with an object, summed. */
export function boxLoss(encodings: tf.Tensor3D, targets: readonly AnchorTargets[]): tf.Scalar {
  return tf.tidy(() => {
    const [batch, anchors] = encodings.shape;
    const wanted = tf.stack(targets.map((target) => tf.tensor2d(target.encodings, [anchors, 4])));
    const placed = Float32Array.from(labelsOf(targets), (label) => Number(label > 0));
    return tf.sum(tf.mul(smoothL1(tf.sub(encodings, wanted)), tf.tensor3d(placed, [batch, anchors, 1])));
  });
}

/** ½ d² up to |d| = 1, |d| − ½ beyond (Girshick 2015, arXiv 1504.08083, equation 3); its slope is d, held within ±1. */
export function smoothL1<T extends tf.Tensor>(difference: T): T {
  return tf.tidy(() => {
    const far = tf.abs(difference);
    const near = tf.minimum(far, 1);
    return tf.mul(near, tf.sub(far, tf.mul(near, 0.5)));
  });
}
