import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { convSizes, spreadByStride, window, type ConvGradAttributes } from '../geometry.ts';

/**
 * Gradient of a convolution with respect to its filter, as a convolution: the input with batch and channels exchanged is convolved with the output's
 * gradient, which is read at steps of the forward's stride (its dilation).
 *
 * @param x Input, `[batch, height, width, in]`.
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, out]`.
 * @returns `[filterHeight, filterWidth, in, out]`
 */
function conv2dBackpropFilter(x: tf.Tensor4D, dy: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, outHeight, outWidth, strideHeight, strideWidth, padInfo } = sizes;
  const height = (outHeight - 1) * strideHeight + filterHeight;
  const width = (outWidth - 1) * strideWidth + filterWidth;
  const seen = window(x, padInfo.top, padInfo.left, height, width);
  const channelsAsBatch = tf.transpose(seen, [3, 1, 2, 0]);
  const gradientAsFilter = tf.transpose(dy, [1, 2, 0, 3]);
  const filters = tf.conv2d(channelsAsBatch, gradientAsFilter, 1, 'valid', 'NHWC', [strideHeight, strideWidth]);
  return tf.transpose(filters, [1, 2, 0, 3]);
}

/**
 * Gradient of a convolution with respect to its input, as a convolution: the output's gradient, spread by the stride, with the filter turned by
 * half a turn and its channels exchanged.
 *
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, out]`.
 * @param filter `[filterHeight, filterWidth, in, out]`
 * @returns `[batch, height, width, in]`
 */
function conv2dBackpropInput(dy: tf.Tensor4D, filter: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, inHeight, inWidth, strideHeight, strideWidth, padInfo } = sizes;
  const spread = spreadByStride(dy, strideHeight, strideWidth);
  const [top, left] = [filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left];
  const seen = window(spread, top, left, inHeight + filterHeight - 1, inWidth + filterWidth - 1);
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  return tf.conv2d(seen, turned, 1, 'valid');
}

/** TensorFlow.js's kernel `Conv2DBackpropFilter` for the wasm backend, which lacks it. */
export const conv2dBackpropFilterConfig: tf.KernelConfig = {
  kernelName: tf.Conv2DBackpropFilter,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const attributes = attributesOf<ConvGradAttributes>(attrs);
    const { x, dy } = inputsOf<'x' | 'dy'>(inputs);
    const sizes = convSizes(x.shape, attributes.filterShape ?? [], attributes, false);
    return tf.tidy(() => conv2dBackpropFilter(tf.reshape(x, sizes.inShape), tf.reshape(dy, sizes.outShape), sizes));
  },
};

/** TensorFlow.js's kernel `Conv2DBackpropInput` for the wasm backend, whose own is a plain loop. */
export const conv2dBackpropInputConfig: tf.KernelConfig = {
  kernelName: tf.Conv2DBackpropInput,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const attributes = attributesOf<ConvGradAttributes>(attrs);
    const { dy, filter } = inputsOf<'dy' | 'filter'>(inputs);
    const sizes = convSizes(attributes.inputShape ?? [], filter.shape, attributes, false);
    return tf.tidy(() => conv2dBackpropInput(tf.reshape(dy, sizes.outShape), tf.reshape(filter, sizes.filterShape), sizes));
  },
};
