import * as tf from '@tensorflow/tfjs-core';
import { pair, type ConvGradAttributes } from '../geometry.ts';
import { attributesOf, inputsOf } from '../kernel-map.ts';

/**
 * The filter's gradient of 1 × 1 convolutions with a stride. TensorFlow 2.21 with oneDNN writes past its memory there when channels are few: from 4 to 8 of them on
 * 64 × 64 pixels, the process ends in `free(): invalid next size`. Such a convolution is one without a stride on every `stride`-th pixel, and so is its gradient.
 */
export function stridedPointwiseKernels(): tf.KernelConfig[] {
  const original = tf.getKernel(tf.Conv2DBackpropFilter, 'tensorflow');
  if (original == null) return [];
  const kernelFunc: tf.KernelFunc = (args) => {
    const attributes = attributesOf<ConvGradAttributes>(args.attrs);
    if (!isStridedPointwise(attributes)) return original.kernelFunc(args);
    const { x, dy } = inputsOf<'x' | 'dy'>(args.inputs);
    const picked = everyStride(x as tf.Tensor4D, pair(attributes.strides));
    const result = original.kernelFunc({ ...args, inputs: { x: picked, dy }, attrs: { ...args.attrs, strides: 1 } });
    picked.dispose();
    return result;
  };
  return [{ ...original, kernelFunc }];
}

/** Padding of a 1 × 1 filter is none, unless zeros are asked for in numbers. */
function isStridedPointwise({ filterShape, strides, pad, dataFormat = 'NHWC' }: ConvGradAttributes): boolean {
  const [height, width] = filterShape ?? [];
  const [down, across] = pair(strides);
  return height === 1 && width === 1 && down * across > 1 && dataFormat === 'NHWC' && (pad === 'same' || pad === 'valid' || pad === 0);
}

function everyStride(x: tf.Tensor4D, [down, across]: readonly [number, number]): tf.Tensor {
  return tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, down, across, 1]);
}
