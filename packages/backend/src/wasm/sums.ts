import * as tf from '@tensorflow/tfjs-core';

/** Sum over all axes but the last, as a product with ones: much quicker on wasm than its reduction, which transposes first. */
export function sumToLastAxis(x: tf.Tensor): tf.Tensor1D {
  const last = x.shape[x.rank - 1] ?? 1;
  const rows = x.size / last;
  return tf.reshape(tf.matMul(tf.ones([1, rows]), tf.reshape(x, [rows, last])), [last]);
}
