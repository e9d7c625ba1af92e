/** The wasm backend's sums and means over leading axes, which transpose first, by pooling instead: biases' gradients, global average pooling. */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { averageByChannel, sumByChannel } from './by-channel.ts';

interface ReductionAttributes {
  readonly axis: number | number[];
  readonly keepDims: boolean;
}

function axesOf(x: tf.Tensor, { axis }: ReductionAttributes): string {
  return tf.util
    .parseAxisParam(axis, x.shape)
    .toSorted((a, b) => a - b)
    .join();
}

/** float32 with room for a channel axis, and not empty. */
function fits(x: tf.Tensor): boolean {
  return x.dtype === 'float32' && x.size > 0 && x.rank >= 2 && x.rank <= 4;
}

/** All axes but the last. */
function isLeading(x: tf.Tensor, attributes: ReductionAttributes): boolean {
  return (
    fits(x) &&
    axesOf(x, attributes) ===
      x.shape
        .slice(0, -1)
        .map((_, axis) => axis)
        .join()
  );
}

/** Height and width of images. */
function isSpatial(x: tf.Tensor, attributes: ReductionAttributes): boolean {
  return fits(x) && x.rank === 4 && axesOf(x, attributes) === '1,2';
}

/** The result in the shape that the reduction's caller expects. */
function shaped(x: tf.Tensor, result: tf.Tensor, { axis, keepDims }: ReductionAttributes): tf.Tensor {
  const axes = tf.util.parseAxisParam(axis, x.shape);
  return tf.reshape(
    result,
    keepDims ? x.shape.map((size, at) => (axes.includes(at) ? 1 : size)) : x.shape.filter((_, at) => !axes.includes(at)),
  );
}

function imageAverages(x: tf.Tensor): tf.Tensor {
  return tf.avgPool(x as tf.Tensor4D, [x.shape[1] ?? 1, x.shape[2] ?? 1], 1, 'valid');
}

/** What computes a reduction quickly; undefined where nothing does. */
type Shortcut = (x: tf.Tensor, attributes: ReductionAttributes) => ((x: tf.Tensor) => tf.Tensor) | undefined;

function withShortcut(name: string, shortcut: Shortcut): tf.KernelConfig[] {
  const kernel = tf.getKernel(name, 'wasm');
  if (kernel == null) return [];
  const kernelFunc: tf.KernelFunc = (params) => {
    const { x } = inputsOf<'x'>(params.inputs);
    const attributes = attributesOf<ReductionAttributes>(params.attrs);
    const quick = shortcut(x, attributes);
    return quick === undefined ? kernel.kernelFunc(params) : tf.tidy(() => shaped(x, quick(x), attributes));
  };
  return [{ ...kernel, kernelFunc }];
}

/** `Sum` over all axes but the last, `Mean` over those or over height and width. */
export function quickReductions(): tf.KernelConfig[] {
  return [
    ...withShortcut(tf.Sum, (x, attributes) => (isLeading(x, attributes) ? sumByChannel : undefined)),
    ...withShortcut(tf.Mean, (x, attributes) => {
      if (isSpatial(x, attributes)) return imageAverages;
      return isLeading(x, attributes) ? averageByChannel : undefined;
    }),
  ];
}
