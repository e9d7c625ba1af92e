import * as tf from '@tensorflow/tfjs-core';

/** What a convolution's gradient kernels get as attributes; `pad` as TensorFlow.js takes it. */
export interface ConvGradAttributes {
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dataFormat?: 'NHWC' | 'NCHW';
  readonly dilations?: [number, number] | number;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly inputShape?: [number, number, number, number];
  readonly filterShape?: [number, number, number, number];
}

/** Values for height and width; one when nothing is said. */
export function pair(value: [number, number] | number | undefined): [number, number] {
  return typeof value === 'object' ? value : [value ?? 1, value ?? 1];
}

/** The sizes of a convolution from its input's and filter's shapes, with the attributes of its gradient kernel. */
export function convSizes(
  inputShape: number[],
  filterShape: number[],
  attributes: ConvGradAttributes,
  depthwise: boolean,
): tf.backend_util.Conv2DInfo {
  const { strides, pad, dilations, dimRoundingMode } = attributes;
  const four = (shape: number[]): [number, number, number, number] => [shape[0] ?? 1, shape[1] ?? 1, shape[2] ?? 1, shape[3] ?? 1];
  const format = depthwise ? 'channelsLast' : tf.backend_util.convertConv2DDataFormat(attributes.dataFormat ?? 'NHWC');
  return tf.backend_util.computeConv2DInfo(
    four(inputShape),
    four(filterShape),
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    format,
  );
}

/**
 * Takes rows and columns `[-top, height - top)` × `[-left, width - left)` of x, zero outside it: padding where the window exceeds x, cropping
 * where it does not reach.
 *
 * @param x `[batch, rows, columns, channels]`
 * @returns `[batch, height, width, channels]`
 */
export function window(x: tf.Tensor4D, top: number, left: number, height: number, width: number): tf.Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const before = [Math.max(top, 0), Math.max(left, 0)] as const;
  const after = [Math.max(height - top - rows, 0), Math.max(width - left - columns, 0)] as const;
  const padded =
    before[0] + before[1] + after[0] + after[1] === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [before[0], after[0]],
          [before[1], after[1]],
          [0, 0],
        ]);
  const start = [Math.max(-top, 0), Math.max(-left, 0)] as const;
  if (padded.shape[1] === height && padded.shape[2] === width) return padded;
  return tf.slice(padded, [0, start[0], start[1], 0], [batch, height, width, channels]);
}

/**
 * Puts `stride − 1` zeros after every row and column, the transpose of a strided read.
 *
 * @param x `[batch, rows, columns, channels]`
 * @returns `[batch, rows·strideHeight, columns·strideWidth, channels]`
 */
export function spreadByStride(x: tf.Tensor4D, strideHeight: number, strideWidth: number): tf.Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return x;
  const [batch, rows, columns, channels] = x.shape;
  const wide = tf.pad(tf.reshape(x, [batch * rows * columns, 1, channels]), [
    [0, 0],
    [0, strideWidth - 1],
    [0, 0],
  ]);
  const rowLength = columns * strideWidth * channels;
  const tall = tf.pad(tf.reshape(wide, [batch * rows, 1, rowLength]), [
    [0, 0],
    [0, strideHeight - 1],
    [0, 0],
  ]);
  return tf.reshape(tall, [batch, rows * strideHeight, columns * strideWidth, channels]);
}

/** What pooling's gradient kernels get as attributes. */
export interface PoolAttributes {
  readonly filterSize: [number, number] | number;
  readonly strides: [number, number] | number;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** The sizes of a pooling from its input's shape and the attributes of its gradient kernel. */
export function poolSizes(inputShape: number[], attributes: PoolAttributes): tf.backend_util.Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const [batch = 1, height = 1, width = 1, channels = 1] = inputShape;
  return tf.backend_util.computePool2DInfo([batch, height, width, channels], filterSize, strides, 1, pad, dimRoundingMode);
}
