import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { convSizes, window, type ConvGradAttributes } from '../geometry.ts';

/** A filter of one value without stride: a product of matrices. */
function isPointwise({ filterHeight, filterWidth, strideHeight, strideWidth }: tf.backend_util.Conv2DInfo): boolean {
  return filterHeight * filterWidth * strideHeight * strideWidth === 1;
}

function pointwiseBackpropFilter(x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor4D {
  const [inChannels, outChannels] = [x.shape[3], dy.shape[3]];
  const product = tf.matMul(tf.reshape(x, [-1, inChannels]), tf.reshape(dy, [-1, outChannels]), true);
  return tf.reshape(product, [1, 1, inChannels, outChannels]);
}

/**
 * Gradient of a convolution with respect to its filter, as a convolution: the input with batch and channels exchanged is convolved with the output's
 * gradient, which is read at steps of the forward's stride (its dilation).
 *
 * @param x Input, `[batch, height, width, in]`.
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, out]`.
 * @returns `[filterHeight, filterWidth, in, out]`
 */
function conv2dBackpropFilter(x: tf.Tensor4D, dy: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  if (isPointwise(sizes)) return pointwiseBackpropFilter(x, dy);
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
 * The filter's values by where they meet an input position that lies `row`, `column` past a multiple of the stride: `[reachHeight, reachWidth, out,
 * strideHeight·strideWidth·in]`, turned by half a turn, with zeros where the filter has no value.
 */
function filterByPhase(filter: tf.Tensor4D, strideHeight: number, strideWidth: number): tf.Tensor4D {
  const [height, width, inChannels, outChannels] = filter.shape;
  const [reachHeight, reachWidth] = [Math.ceil(height / strideHeight), Math.ceil(width / strideWidth)];
  const [down, right] = [reachHeight * strideHeight - height, reachWidth * strideWidth - width];
  const padded =
    down + right === 0
      ? filter
      : tf.pad(filter, [
          [0, down],
          [0, right],
          [0, 0],
          [0, 0],
        ]);
  const phases = tf.reshape(padded, [reachHeight, strideHeight, reachWidth, strideWidth, inChannels, outChannels]);
  const channelsLast = tf.transpose(phases, [0, 2, 5, 1, 3, 4]);
  return tf.reverse(tf.reshape(channelsLast, [reachHeight, reachWidth, outChannels, strideHeight * strideWidth * inChannels]), [0, 1]);
}

/**
 * Gradient of a convolution with respect to its input, as one convolution without a stride: input positions fall into strideHeight·strideWidth
 * phases, each of which sees its own part of the filter; the phases are computed as channels and laid out in rows and columns afterwards.
 *
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, out]`.
 * @param filter `[filterHeight, filterWidth, in, out]`
 * @returns `[batch, height, width, in]`
 */
function conv2dBackpropInput(dy: tf.Tensor4D, filter: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { batchSize, inHeight, inWidth, inChannels, strideHeight, strideWidth, padInfo } = sizes;
  const byPhase = filterByPhase(filter, strideHeight, strideWidth);
  const [reachHeight, reachWidth] = byPhase.shape;
  const rows = Math.floor((padInfo.top + inHeight - 1) / strideHeight) + 1;
  const columns = Math.floor((padInfo.left + inWidth - 1) / strideWidth) + 1;
  const seen = window(dy, reachHeight - 1, reachWidth - 1, rows + reachHeight - 1, columns + reachWidth - 1);
  const phases = tf.reshape(tf.conv2d(seen, byPhase, 1, 'valid'), [batchSize * rows, columns, strideHeight, strideWidth * inChannels]);
  const laidOut = strideHeight === 1 ? phases : tf.transpose(phases, [0, 2, 1, 3]);
  const padded: tf.Tensor4D = tf.reshape(laidOut, [batchSize, rows * strideHeight, columns * strideWidth, inChannels]);
  return window(padded, -padInfo.top, -padInfo.left, inHeight, inWidth);
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
