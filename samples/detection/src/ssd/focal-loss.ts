import * as tf from '@tensorflow/tfjs-core';
import { boxLoss } from './box-loss.ts';
import { labelsOf, type AnchorTargets } from './matching.ts';
import type { Predictions } from './multibox-loss.ts';

/** Share of an object's class in the loss, and the power of the doubt that weighs an anchor (Lin et al. 2017, section 4.1). */
export interface FocalOptions {
  /** @default 0.25 */
  readonly alpha?: number;
  /** @default 2 */
  readonly gamma?: number;
}

/**
 * The loss of RetinaNet (Lin et al. 2017, arXiv 1708.02002, section 4): focal loss of all classes of all anchors plus smooth L1 of the encodings of anchors with
 * an object, both over the number of anchors with an object in the batch. Class 0, the background, has no part in it; anchors of label −1 neither.
 */
export function focalDetectionLoss(
  { encodings, logits }: Predictions,
  targets: readonly AnchorTargets[],
  options?: FocalOptions,
): tf.Scalar {
  return tf.tidy(() => {
    const [batch, anchors, classes] = logits.shape;
    const labels = labelsOf(targets);
    const positives = labels.filter((label) => label > 0).length;
    const wanted = tf.oneHot(tf.tensor2d(labels.map(atLeastZero), [batch, anchors], 'int32'), classes);
    const counted = tf.tensor3d(
      Float32Array.from(labels, (label) => Number(label >= 0)),
      [batch, anchors, 1],
    );
    const objects = (x: tf.Tensor): tf.Tensor => tf.slice(x, [0, 0, 1]);
    const each = focalLoss(objects(logits), objects(tf.cast(wanted, 'float32')), options);
    const sum = tf.add(tf.sum(tf.mul(each, counted)), boxLoss(encodings, targets));
    return tf.div(sum, Math.max(positives, 1)) as tf.Scalar;
  });
}

/**
 * −α_t (1 − p_t)^γ log p_t (Lin et al. 2017, equation 5), where p_t is the probability of the right answer and α_t is α for 1 and 1 − α for 0.
 * @param logits of any shape
 * @param wanted 0 or 1, the same shape
 */
export function focalLoss(logits: tf.Tensor, wanted: tf.Tensor, { alpha = 0.25, gamma = 2 }: FocalOptions = {}): tf.Tensor {
  return tf.tidy(() => {
    const sign = tf.sub(tf.mul(wanted, 2), 1);
    const toward = tf.mul(logits, sign);
    // log σ without overflow: −softplus of the negative.
    const entropy = tf.softplus(tf.neg(toward));
    const doubt = tf.pow(tf.sigmoid(tf.neg(toward)), gamma);
    const share = tf.add(tf.mul(wanted, 2 * alpha - 1), 1 - alpha);
    return tf.mul(share, tf.mul(doubt, entropy));
  });
}

function atLeastZero(label: number): number {
  return Math.max(label, 0);
}
