import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { convSizes, spreadByStride, window, type ConvGradAttributes } from '../geometry.ts';

import { sumToLastAxis } from './sums.ts';

/**
 * Gradient of a depthwise convolution with respect to its filter, one filter position at a time: the input seen from that position times the
 * output's gradient, summed over batch and positions.
 *
 * @param x Input, `[batch, height, width, in]`.
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, in·multiplier]`.
 * @returns `[filterHeight, filterWidth, in, multiplier]`
 */
function depthwiseBackpropFilter(x: tf.Tensor4D, dy: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, outHeight, outWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = sizes;
  const { batchSize, inChannels, outChannels } = sizes;
  const multiplier = outChannels / inChannels;
  const height = (outHeight - 1) * strideHeight + (filterHeight - 1) * dilationHeight + 1;
  const width = (outWidth - 1) * strideWidth + (filterWidth - 1) * dilationWidth + 1;
  const repeated = multiplier === 1 ? x : repeatChannels(x, multiplier);
  const seen = window(repeated, padInfo.top, padInfo.left, height, width);
  const sums: tf.Tensor1D[] = [];
  for (let row = 0; row < filterHeight; row += 1) {
    for (let column = 0; column < filterWidth; column += 1) {
      const begin = [0, row * dilationHeight, column * dilationWidth, 0];
      const end = [
        batchSize,
        (begin[1] ?? 0) + (outHeight - 1) * strideHeight + 1,
        (begin[2] ?? 0) + (outWidth - 1) * strideWidth + 1,
        outChannels,
      ];
      const tap = tf.stridedSlice(seen, begin, end, [1, strideHeight, strideWidth, 1]);
      sums.push(sumToLastAxis(tf.mul(tap, dy)));
    }
  }
  return tf.reshape(tf.concat(sums), [filterHeight, filterWidth, inChannels, multiplier]);
}

/** Each channel `times` times in a row, the order of a depthwise convolution's outputs. */
function repeatChannels(x: tf.Tensor4D, times: number): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const tiled = tf.tile(tf.reshape(x, [batch * height * width, channels, 1]), [1, 1, times]);
  return tf.reshape(tiled, [batch, height, width, channels * times]);
}

/**
 * Gradient of a depthwise convolution with respect to its input: the output's gradient, spread by the stride, convolved channel by channel with
 * the filter turned by half a turn, and summed over the multiplier.
 *
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, in·multiplier]`.
 * @param filter `[filterHeight, filterWidth, in, multiplier]`
 * @returns `[batch, height, width, in]`
 */
function depthwiseBackpropInput(dy: tf.Tensor4D, filter: tf.Tensor4D, sizes: tf.backend_util.Conv2DInfo): tf.Tensor4D {
  const { filterHeight, filterWidth, inHeight, inWidth, strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = sizes;
  const { batchSize, inChannels, outChannels } = sizes;
  const reach = [(filterHeight - 1) * dilationHeight, (filterWidth - 1) * dilationWidth] as const;
  const spread = spreadByStride(dy, strideHeight, strideWidth);
  const seen = window(spread, reach[0] - padInfo.top, reach[1] - padInfo.left, inHeight + reach[0], inWidth + reach[1]);
  const turned = tf.reshape(tf.reverse(filter, [0, 1]), [filterHeight, filterWidth, outChannels, 1]);
  const each = tf.depthwiseConv2d(seen, tf.reshape(turned, [filterHeight, filterWidth, outChannels, 1]), 1, 'valid', 'NHWC', [
    dilationHeight,
    dilationWidth,
  ]);
  if (outChannels === inChannels) return each;
  return tf.reshape(tf.sum(tf.reshape(each, [batchSize * inHeight * inWidth * inChannels, outChannels / inChannels]), 1), sizes.inShape);
}

/** TensorFlow.js's kernel `DepthwiseConv2dNativeBackpropFilter` for the wasm backend, which lacks it. */
export const depthwiseBackpropFilterConfig: tf.KernelConfig = {
  kernelName: tf.DepthwiseConv2dNativeBackpropFilter,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const attributes = attributesOf<ConvGradAttributes>(attrs);
    const { x, dy } = inputsOf<'x' | 'dy'>(inputs);
    const sizes = convSizes(x.shape, attributes.filterShape ?? [], attributes, true);
    return tf.tidy(() => depthwiseBackpropFilter(tf.reshape(x, sizes.inShape), tf.reshape(dy, sizes.outShape), sizes));
  },
};

/** TensorFlow.js's kernel `DepthwiseConv2dNativeBackpropInput` for the wasm backend, which lacks it. */
export const depthwiseBackpropInputConfig: tf.KernelConfig = {
  kernelName: tf.DepthwiseConv2dNativeBackpropInput,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const attributes = attributesOf<ConvGradAttributes>(attrs);
    const { dy, filter } = inputsOf<'dy' | 'filter'>(inputs);
    const sizes = convSizes(attributes.inputShape ?? [], filter.shape, attributes, true);
    return tf.tidy(() => depthwiseBackpropInput(tf.reshape(dy, sizes.outShape), tf.reshape(filter, sizes.filterShape), sizes));
  },
};
