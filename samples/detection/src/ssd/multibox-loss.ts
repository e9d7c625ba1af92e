import * as tf from '@tensorflow/tfjs-core';
import type { Scoring } from '@nncf/zoo';
import { boxLoss } from './box-loss.ts';
import { labelsOf, type AnchorTargets } from './matching.ts';
import { mineHardNegatives } from './mining.ts';

/** What the detector says: encodings `[batch, anchors, 4]` and logits `[batch, anchors, classes]`. */
export interface Predictions {
  readonly encodings: tf.Tensor3D;
  readonly logits: tf.Tensor3D;
}

/** How the loss is put together. */
export interface MultiboxOptions {
  readonly scoring: Scoring;
  /** Anchors without an object that count for one with an object. @default 3 */
  readonly negativeRatio?: number;
}

/**
 * The loss of SSD (Liu et al. 2015, section 2.2): classification loss of the anchors that {@link mineHardNegatives} chooses plus smooth L1 of the encodings of
 * anchors with an object, both over the number of anchors with an object in the batch. A batch without objects has a loss of 0.
 *
 * With `softmax` the classification loss is cross entropy; with `sigmoid` it is the sum of the binary cross entropies of all classes, the background one of them
 * (as TensorFlow's detection zoo trains its SSDs).
 */
export function multiboxLoss({ encodings, logits }: Predictions, targets: readonly AnchorTargets[], options: MultiboxOptions): tf.Scalar {
  const { scoring, negativeRatio = 3 } = options;
  return tf.tidy(() => {
    const [batch, anchors, classes] = logits.shape;
    const labels = labelsOf(targets);
    const positives = labels.filter((label) => label > 0).length;
    // Anchors that never count are as good as background here; a backend may write a row of its neighbour for a class below 0.
    const known = labels.map((label) => Math.max(label, 0));
    const losses = classLosses(logits, tf.tensor2d(known, [batch, anchors]), classes, scoring);
    // The choice is no function that is differentiated: only its outcome is.
    const counted = tf.tensor2d(mineHardNegatives(losses.dataSync(), labels, anchors, negativeRatio), [batch, anchors]);
    const boxes = boxLoss(encodings, targets);
    return tf.div(tf.add(tf.sum(tf.mul(losses, counted)), boxes), Math.max(positives, 1)) as tf.Scalar;
  });
}

/** Classification loss of every anchor, `[batch, anchors]`. */
function classLosses(logits: tf.Tensor3D, labels: tf.Tensor2D, classes: number, scoring: Scoring): tf.Tensor {
  // WebAssembly writes whole numbers whatever type is asked for.
  const wanted = tf.cast(tf.oneHot(labels, classes), 'float32');
  if (scoring === 'softmax') return tf.losses.softmaxCrossEntropy(wanted, logits, undefined, 0, tf.Reduction.NONE);
  return tf.sum(tf.losses.sigmoidCrossEntropy(wanted, logits, undefined, 0, tf.Reduction.NONE), -1);
}
