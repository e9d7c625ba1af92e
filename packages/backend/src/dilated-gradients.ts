/**
 * Gradients of dilated convolutions, which TensorFlow.js refuses. A convolution with a dilation is one with a filter that has zeros between its
 * values: the gradients are taken of that one, and the filter's is read at the values' places.
 */
import * as tf from '@tensorflow/tfjs-core';
import { pair, spreadByStride, type ConvGradAttributes } from './geometry.ts';
import { attributesOf, exchangeGradient, runKernel } from './kernel-map.ts';

type Shape4D = [number, number, number, number];

/** The filter with `dilation − 1` zeros between neighbours: `[(kh − 1)·dh + 1, (kw − 1)·dw + 1, in, out]`. */
function spreadFilter(filter: tf.Tensor4D, [dilationHeight, dilationWidth]: [number, number]): tf.Tensor4D {
  const [height, width, inChannels, outChannels] = filter.shape;
  const spread = spreadByStride(tf.reshape(filter, [1, height, width, inChannels * outChannels]), dilationHeight, dilationWidth);
  const shape: Shape4D = [(height - 1) * dilationHeight + 1, (width - 1) * dilationWidth + 1, inChannels, outChannels];
  return tf.reshape(tf.slice(spread, [0, 0, 0, 0], [1, shape[0], shape[1], inChannels * outChannels]), shape);
}

/** The values of a spread filter at the places of the original's. */
function gatherFilter(spread: tf.Tensor4D, [dilationHeight, dilationWidth]: [number, number]): tf.Tensor4D {
  const picked = tf.stridedSlice(spread, [0, 0, 0, 0], spread.shape, [dilationHeight, dilationWidth, 1, 1]);
  const [height, width, inChannels, outChannels] = spread.shape;
  return tf.reshape(picked, [Math.ceil(height / dilationHeight), Math.ceil(width / dilationWidth), inChannels, outChannels]);
}

interface GradientKernels {
  readonly input: string;
  readonly filter: string;
}

const KERNELS: ReadonlyMap<string, GradientKernels> = new Map([
  [tf.Conv2D, { input: tf.Conv2DBackpropInput, filter: tf.Conv2DBackpropFilter }],
  [
    tf.DepthwiseConv2dNative,
    {
      input: tf.DepthwiseConv2dNativeBackpropInput,
      filter: tf.DepthwiseConv2dNativeBackpropFilter,
    },
  ],
]);

function dilatedGradient(
  kernels: GradientKernels,
  dy: tf.Tensor,
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  attributes: tf.NamedAttrMap,
): ReturnType<tf.GradFunc> {
  const dilations = pair(attributesOf<ConvGradAttributes>(attributes).dilations ?? 1);
  const plain = { ...attributes, dilations: [1, 1] };
  return {
    x: () => runKernel(kernels.input, { dy, filter: spreadFilter(filter, dilations) }, { ...plain, inputShape: x.shape }),
    filter: () => {
      const shape = [(filter.shape[0] - 1) * dilations[0] + 1, (filter.shape[1] - 1) * dilations[1] + 1, filter.shape[2], filter.shape[3]];
      return gatherFilter(tf.reshape(runKernel(kernels.filter, { x, dy }, { ...plain, filterShape: shape }), shape as Shape4D), dilations);
    },
  };
}

function withDilation(name: string, kernels: GradientKernels): tf.GradConfig[] {
  const original = tf.getGradient(name);
  if (original == null) return [];
  const gradFunc: tf.GradFunc = (dy, saved, attributes) => {
    const [x, filter] = saved;
    const dilations = pair(attributesOf<ConvGradAttributes>(attributes).dilations ?? 1);
    if (dilations[0] * dilations[1] === 1 || x === undefined || filter === undefined || Array.isArray(dy))
      return original.gradFunc(dy, saved, attributes);
    return dilatedGradient(kernels, dy, x as tf.Tensor4D, filter as tf.Tensor4D, attributes);
  };
  return [{ ...original, gradFunc }];
}

/** Gives `conv2d` and `depthwiseConv2d` gradients for dilations above 1, on every backend. Returns the undo. */
export function registerDilatedGradients(): () => void {
  const undo = [...KERNELS].flatMap(([name, kernels]) => withDilation(name, kernels)).map(exchangeGradient);
  return () => undo.reverse().forEach((restore) => restore());
}
