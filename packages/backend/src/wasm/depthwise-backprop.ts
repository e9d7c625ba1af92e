import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { convSizes, spreadByStride, window, type ConvGradAttributes } from '../geometry.ts';

type Values = Float32Array | Int32Array | Uint8Array;

/** Output positions along an axis whose input, at one filter position, lies inside: `[from, to)`, and where the input of output 0 lies. */
interface Overlap {
  readonly from: number;
  readonly to: number;
  readonly start: number;
}

function overlaps(taps: number, dilation: number, stride: number, before: number, outputs: number, inputs: number): Overlap[] {
  return Array.from({ length: taps }, (_, tap) => {
    const start = tap * dilation - before;
    const from = Math.max(0, Math.ceil(-start / stride));
    return { from, to: Math.min(outputs, Math.floor((inputs - 1 - start) / stride) + 1), start };
  });
}

/** A row of outputs and the inputs it meets at one filter position: where both begin, how far apart the inputs lie, where the sums stand. */
interface Row {
  readonly x: number;
  readonly dy: number;
  readonly count: number;
  readonly step: number;
  readonly sums: number;
}

/** Adds x·dy of a row to the sums of one filter position. */
function addRow(sums: Float64Array, x: Values, dy: Values, { x: firstX, dy: firstDy, count, step, sums: at }: Row, channels: number): void {
  for (let index = 0; index < count; index += 1) {
    const from = firstX + index * step;
    const to = firstDy + index * channels;
    for (let c = 0; c < channels; c += 1) sums[at + c]! += x[from + c]! * dy[to + c]!;
  }
}

/** The same where each channel of x serves several of dy in turn. */
function addMultipliedRow(sums: Float64Array, x: Values, dy: Values, row: Row, channels: number, multiplier: number): void {
  for (let index = 0; index < row.count; index += 1) {
    for (let c = 0; c < channels; c += 1) {
      sums[row.sums + c]! += x[row.x + index * row.step + Math.floor(c / multiplier)]! * dy[row.dy + index * channels + c]!;
    }
  }
}

/** The filter's gradient; row by row, so that what a row needs stays in the processor's cache for all filter positions. */
function filterSums(x: Values, dy: Values, sizes: tf.backend_util.Conv2DInfo): Float64Array {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, strideHeight, strideWidth, padInfo } = sizes;
  const { filterHeight, filterWidth, dilationHeight, dilationWidth } = sizes;
  const rows = overlaps(filterHeight, dilationHeight, strideHeight, padInfo.top, outHeight, inHeight);
  const columns = overlaps(filterWidth, dilationWidth, strideWidth, padInfo.left, outWidth, inWidth);
  const multiplier = outChannels / inChannels;
  const sums = new Float64Array(filterHeight * filterWidth * outChannels);
  for (let line = 0; line < batchSize * outHeight; line += 1) {
    const [image, y] = [Math.floor(line / outHeight), line % outHeight];
    for (const [i, row] of rows.entries()) {
      if (y < row.from || y >= row.to) continue;
      const inputLine = (image * inHeight + y * strideHeight + row.start) * inWidth;
      for (const [j, { from, to, start }] of columns.entries()) {
        const at = { x: (inputLine + from * strideWidth + start) * inChannels, dy: (line * outWidth + from) * outChannels };
        const met: Row = { ...at, count: to - from, step: strideWidth * inChannels, sums: (i * filterWidth + j) * outChannels };
        if (multiplier === 1) addRow(sums, x, dy, met, outChannels);
        else addMultipliedRow(sums, x, dy, met, outChannels, multiplier);
      }
    }
  }
  return sums;
}

/**
 * Gradient of a depthwise convolution with respect to its filter, in plain loops: the backend's slices copy the whole tensor each time.
 *
 * @param x Input, `[batch, height, width, in]`.
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, in·multiplier]`.
 * @returns `[filterHeight, filterWidth, in, multiplier]`
 */
function depthwiseBackpropFilter(x: tf.Tensor, dy: tf.Tensor, sizes: tf.backend_util.Conv2DInfo): tf.Tensor {
  return tf.tensor(Float32Array.from(filterSums(x.dataSync(), dy.dataSync(), sizes)), sizes.filterShape);
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
    return depthwiseBackpropFilter(x, dy, sizes);
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
