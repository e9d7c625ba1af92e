import * as tf from '@tensorflow/tfjs-core';

/** σ'(x) = σ(x) − σ(x)², elementwise. */
export function sigmoidSlope<T extends tf.Tensor>(x: T): T {
  return tf.tidy(() => {
    const probability = tf.sigmoid(x);
    return tf.sub(probability, tf.square(probability));
  });
}
