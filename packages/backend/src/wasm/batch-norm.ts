/**
 * Batch normalization in training for the wasm backend: two passes over the values forward, two backward. One loop here beats the backend's kernels,
 * each of which is a pass of its own; sums are kept in double precision.
 */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { BATCH_NORM_TRAINING, BATCH_NORM_TRAINING_GRAD, type BatchNormAttributes } from '../native/batch-norm.ts';

type Values = ArrayLike<number>;

/** Mean of each channel. */
function means(x: Values, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c += 1) sums[c]! += x[row + c]!;
  }
  return sums.map((sum) => (sum * channels) / x.length);
}

/** Mean squared distance of each channel from its mean. */
function variances(x: Values, mean: Float64Array, channels: number): Float64Array {
  const sums = new Float64Array(channels);
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c += 1) {
      const distance = x[row + c]! - mean[c]!;
      sums[c]! += distance * distance;
    }
  }
  return sums.map((sum) => (sum * channels) / x.length);
}

/** (x − mean)·factor + offset, by channel. */
function normalize(x: Values, mean: Float64Array, factor: Float64Array, offset: Values, channels: number): Float32Array {
  const y = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c += 1) y[row + c] = (x[row + c]! - mean[c]!) * factor[c]! + offset[c]!;
  }
  return y;
}

/** Outputs as the operation of tfjs-node has them: y, mean, variance with Bessel's correction, and three for the gradient. */
export const wasmBatchNorm: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { x, scale, offset } = inputsOf<'x' | 'scale' | 'offset'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    const [channels, values, scales] = [scale.size, x.dataSync(), scale.dataSync()];
    const mean = means(values, channels);
    const variance = variances(values, mean, channels);
    const factor = variance.map((each, c) => scales[c]! / Math.sqrt(each + epsilon));
    const count = x.size / channels;
    const corrected = variance.map((each) => (each * count) / Math.max(count - 1, 1));
    const y = tf.tensor(normalize(values, mean, factor, offset.dataSync(), channels), x.shape);
    const rest = [mean, corrected, mean, variance].map((each) => tf.tensor1d(Float32Array.from(each)));
    return [y, ...rest, tf.scalar(0)];
  },
};

/** Sums of dy and of dy·(x − mean) for each channel. */
function gradientSums(dy: Values, x: Values, mean: Values, channels: number): { plain: Float64Array; centred: Float64Array } {
  const [plain, centred] = [new Float64Array(channels), new Float64Array(channels)];
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c += 1) {
      const upstream = dy[row + c]!;
      plain[c]! += upstream;
      centred[c]! += upstream * (x[row + c]! - mean[c]!);
    }
  }
  return { plain, centred };
}

/** dx = a·(dy − Σdy/n − (x − mean)·b), with a = scale/√(variance + epsilon) and b = Σ dy·(x − mean)/(n·(variance + epsilon)). */
function inputGradient(dy: Values, x: Values, mean: Values, a: Float64Array, average: Float64Array, b: Float64Array): Float32Array {
  const channels = a.length;
  const dx = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += channels) {
    for (let c = 0; c < channels; c += 1) dx[row + c] = a[c]! * (dy[row + c]! - average[c]! - (x[row + c]! - mean[c]!) * b[c]!);
  }
  return dx;
}

/** Outputs the gradients of x, scale and offset. */
export const wasmBatchNormGrad: tf.KernelConfig = {
  kernelName: BATCH_NORM_TRAINING_GRAD,
  backendName: 'wasm',
  kernelFunc: ({ inputs, attrs }) => {
    const { dy, x, scale, saved1, saved2 } = inputsOf<'dy' | 'x' | 'scale' | 'saved1' | 'saved2'>(inputs);
    const { epsilon } = attributesOf<BatchNormAttributes>(attrs);
    const [upstream, values, mean, scales] = [dy.dataSync(), x.dataSync(), saved1.dataSync(), scale.dataSync()];
    const spread = Float64Array.from(saved2.dataSync(), (variance) => variance + epsilon);
    const count = x.size / scale.size;
    const { plain, centred } = gradientSums(upstream, values, mean, scale.size);
    const a = spread.map((each, c) => scales[c]! / Math.sqrt(each));
    const average = plain.map((sum) => sum / count);
    const b = centred.map((sum, c) => sum / (count * spread[c]!));
    const dx = tf.tensor(inputGradient(upstream, values, mean, a, average, b), x.shape);
    const dScale = Float32Array.from(centred, (sum, c) => sum / Math.sqrt(spread[c]!));
    return [dx, tf.tensor1d(dScale), tf.tensor1d(Float32Array.from(plain))];
  },
};
