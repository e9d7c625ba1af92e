/** Batch normalization of `tf.layers` in training as one operation and its gradient as another, instead of some fifteen and thirty. */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';
import { hasKernel, isNativeGpu, runKernels } from './kernel-map.ts';
import { BATCH_NORM_TRAINING } from './native/batch-norm.ts';
import { hasOperations, movingAverageOperation } from './native/operations.ts';

/** What {@link batchNormTraining} gives back. */
export interface TrainingBatchNorm {
  /** The normalized input, in its shape. */
  readonly y: tf.Tensor;
  /** Mean over everything but channels, `[channels]`. */
  readonly mean: tf.Tensor1D;
  /** Variance likewise, without Bessel's correction, `[channels]`. */
  readonly variance: tf.Tensor1D;
}

/** True where the backend in use normalizes in one operation. */
export function hasFusedBatchNorm(): boolean {
  return hasKernel(BATCH_NORM_TRAINING);
}

/**
 * Normalizes with the batch's own statistics: y = (x − mean)/√(variance + epsilon)·scale + offset, with gradients through the statistics. One
 * operation where the backend has it, TensorFlow.js's composition elsewhere.
 *
 * @param x `[…, channels]`
 * @param scale `[channels]`
 * @param offset `[channels]`
 */
export function batchNormTraining(x: tf.Tensor, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon = 1e-3): TrainingBatchNorm {
  return hasFusedBatchNorm() && x.dtype === 'float32' && x.size > 0
    ? fused(x, scale, offset, epsilon)
    : composed(x, scale, offset, epsilon);
}

function asImages(x: tf.Tensor): tf.Tensor4D {
  if (x.rank === 4) return tf.reshape(x, [x.shape[0] ?? 1, x.shape[1] ?? 1, x.shape[2] ?? 1, x.shape[3] ?? 1]);
  const channels = x.shape[x.rank - 1] ?? 1;
  return tf.reshape(x, [x.size / channels, 1, 1, channels]);
}

function fused(x: tf.Tensor, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon: number): TrainingBatchNorm {
  const images = x.rank === 4 ? x : asImages(x);
  const [y, mean, corrected, , population] = runKernels(BATCH_NORM_TRAINING, { x: images, scale, offset }, { epsilon });
  const count = x.size / scale.size;
  // On a GPU the saved tensor holds the inverse deviation instead, and the variance has to be freed of Bessel's correction.
  const variance = isNativeGpu() ? tf.mul(corrected!, (count - 1) / Math.max(count, 1)) : population!;
  return {
    y: x.rank === 4 ? y! : tf.reshape(y!, x.shape),
    mean: mean as tf.Tensor1D,
    variance: variance as tf.Tensor1D,
  };
}

function composed(x: tf.Tensor, scale: tf.Tensor1D, offset: tf.Tensor1D, epsilon: number): TrainingBatchNorm {
  const { mean, variance } = tf.moments(
    x,
    x.shape.slice(0, -1).map((_, axis) => axis),
  );
  const flat = [mean, variance].map((each) => tf.reshape(each, [-1]) as tf.Tensor1D);
  const y = tf.batchNorm4d(asImages(x), flat[0]!, flat[1]!, offset, scale, epsilon);
  return { y: tf.reshape(y, x.shape), mean: flat[0]!, variance: flat[1]! };
}

/** What is read of a `tf.layers` weight. */
interface Weight {
  read(): tf.Tensor;
  write(value: tf.Tensor): unknown;
}

/** What is read of a batch normalization layer. */
interface BatchNormalizationLayer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: Weight;
  readonly beta?: Weight;
  readonly movingMean: Weight;
  readonly movingVariance: Weight;
}

type Call = (
  this: BatchNormalizationLayer,
  inputs: tf.Tensor | tf.Tensor[],
  kwargs: { readonly training?: unknown },
) => tf.Tensor | tf.Tensor[];

/** The layer's class, which `tf.layers` does not export. */
function batchNormalizationPrototype(): { call: Call } {
  return Object.getPrototypeOf(layers.batchNormalization({})) as { call: Call };
}

/** One tensor of rank 2 to 4 with the channels last: what the fused operation takes. */
function fusable(layer: BatchNormalizationLayer, inputs: tf.Tensor | tf.Tensor[]): tf.Tensor | undefined {
  const x = Array.isArray(inputs) ? inputs[0] : inputs;
  if (x === undefined || x.dtype !== 'float32' || x.rank < 2 || x.rank > 4 || x.size === 0 || !hasFusedBatchNorm()) return undefined;
  return layer.axis === -1 || layer.axis === x.rank - 1 ? x : undefined;
}

/** average ← average − (average − batch)·(1 − momentum), as `tf.layers` does it. */
function updateMovingAverages(layer: BatchNormalizationLayer, mean: tf.Tensor, variance: tf.Tensor): void {
  const weights = [layer.movingMean, layer.movingVariance];
  const averages = weights.map((weight) => weight.read());
  for (const [index, average] of movingAverages(averages, [mean, variance], 1 - layer.momentum).entries()) weights[index]!.write(average);
}

function movingAverages(averages: readonly tf.Tensor[], batches: readonly tf.Tensor[], decay: number): tf.Tensor[] {
  if (hasOperations()) return movingAverageOperation(averages, batches, decay);
  return averages.map((average, index) => tf.sub(average, tf.mul(tf.sub(average, batches[index]!), decay)));
}

function trainFused(layer: BatchNormalizationLayer, x: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const channels = x.shape[x.rank - 1] ?? 1;
    const scale = (layer.gamma?.read() ?? tf.ones([channels])) as tf.Tensor1D;
    const offset = (layer.beta?.read() ?? tf.zeros([channels])) as tf.Tensor1D;
    const { y, mean, variance } = batchNormTraining(x, scale, offset, layer.epsilon);
    tf.tidy(() => updateMovingAverages(layer, mean, variance));
    return y;
  });
}

/**
 * Lets every batch normalization layer of `tf.layers` train through {@link batchNormTraining}. Prediction, other axes and backends without the fused
 * operation keep the layer's own way. Returns the undo.
 */
export function patchBatchNormalizationLayers(): () => void {
  const prototype = batchNormalizationPrototype();
  const original = prototype.call;
  const patched: Call = function (inputs, kwargs) {
    const x = kwargs.training ? fusable(this, inputs) : undefined;
    return x === undefined ? original.call(this, inputs, kwargs) : trainFused(this, x);
  };
  prototype.call = patched;
  return () => {
    if (prototype.call === patched) prototype.call = original;
  };
}
