import * as tf from '@tensorflow/tfjs-core';

/** Two filters of 2×2 over one channel, tens on the diagonal and nines beside it. HWIO. */
export function conv1(): tf.Tensor4D {
  return tf.tensor4d([10, 10, 9, 9, 9, 9, 10, 10], [2, 2, 1, 2]);
}

/** One filter of 3×3 over two channels, −9 on the diagonal and −10 beside it. HWIO. */
export function conv2(): tf.Tensor4D {
  const plane = [-9, -10, -10, -10, -9, -10, -10, -10, -9];
  return tf.tensor4d(
    plane.flatMap((weight) => [weight, weight]),
    [3, 3, 2, 1],
  );
}
