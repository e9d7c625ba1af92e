import type * as tf from '@tensorflow/tfjs-core';

/** The values of a tensor in memory order, as float32. Not to be written to: on some backends they are the tensor itself. */
export function float32Values(x: tf.Tensor): Float32Array {
  const values = x.dataSync();
  return values instanceof Float32Array ? values : Float32Array.from(values);
}
