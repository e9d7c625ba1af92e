import type { TensorData } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Computes a tensor and reads it back; everything that was made on the way is freed. */
export function readTensor(compute: () => Tensor): TensorData {
  const read: TensorData[] = [];
  tf.tidy(() => {
    read.push(dataOf(compute()));
  });
  return read[0] as TensorData;
}

function dataOf(tensor: Tensor): TensorData {
  if (tensor.dtype !== 'float32' && tensor.dtype !== 'int32' && tensor.dtype !== 'bool')
    throw new TypeError(`A ${tensor.dtype} tensor cannot be exported.`);
  return { shape: tensor.shape, dtype: tensor.dtype, data: tensor.dataSync() };
}

/** A tensor with these contents. */
export function tensorOf(data: TensorData): Tensor {
  return tf.tensor(data.data, [...data.shape], data.dtype);
}
