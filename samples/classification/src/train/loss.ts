import * as tf from '@tensorflow/tfjs-core';

/** Mean cross entropy of logits `[batch, classes]` with one-hot labels; smoothing spreads a share of each label evenly (Szegedy et al. 2016). */
export function crossEntropy(labels: tf.Tensor, logits: tf.Tensor, labelSmoothing = 0): tf.Scalar {
  const loss: tf.Tensor = tf.losses.softmaxCrossEntropy(labels, logits, undefined, labelSmoothing);
  return tf.reshape(loss, []);
}

/** Number of rows whose highest logit is at the label, a scalar on the device. */
export function hits(labels: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(logits, -1), tf.argMax(labels, -1)), 'float32')));
}
