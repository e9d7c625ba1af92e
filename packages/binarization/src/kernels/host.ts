import * as tf from '@tensorflow/tfjs-core';
import type { Binarization, BinarizationKernels } from '../kernels.ts';
import { float32Values } from '../tensor-values.ts';

/** Binarization in one pass over the values in memory, for backends that hold them there. Sums are kept in double precision. */
export const hostKernels: BinarizationKernels = {
  activations: ({ x, scale, threshold }) => {
    const { s, limits } = parametersOf(scale, threshold);
    return tf.tensor(binarized(float32Values(x), s, limits), x.shape, 'float32');
  },
  activationGradients: (upstream, binarization) => differentiate(upstream, binarization),
  weights: (w, perFilter) => {
    const values = float32Values(w);
    const means = magnitudes(values, perFilter ? (w.shape.at(-1) ?? 1) : 1);
    return tf.tensor(signed(values, means), w.shape, 'float32');
  },
};

interface Parameters {
  readonly s: number;
  /** t·s of every channel, rounded to float32. */
  readonly limits: Float32Array;
}

function parametersOf(scale: tf.Tensor, threshold: tf.Tensor): Parameters {
  const s = float32Values(scale)[0]!;
  return { s, limits: float32Values(threshold).map((t) => t * s) };
}

function binarized(x: Float32Array, s: number, limits: Float32Array): Float32Array {
  const y = new Float32Array(x.length);
  for (let row = 0; row < x.length; row += limits.length) {
    for (let c = 0; c < limits.length; c++) if (x[row + c]! > limits[c]!) y[row + c] = s;
  }
  return y;
}

function differentiate(upstream: tf.Tensor, { x, scale, threshold }: Binarization): ReturnType<BinarizationKernels['activationGradients']> {
  const sums = { rounding: 0, above: 0, inner: new Float64Array(threshold.size) };
  const dx = new Float32Array(x.size);
  const parameters = parametersOf(scale, threshold);
  differentiateRows({ g: float32Values(upstream), x: float32Values(x), dx }, parameters, sums);
  return {
    dx: tf.tensor(dx, x.shape, 'float32'),
    dScale: tf.tensor([sums.rounding / parameters.s + sums.above], scale.shape, 'float32'),
    dThreshold: tf.tensor(
      Float32Array.from(sums.inner, (sum) => -sum),
      threshold.shape,
      'float32',
    ),
  };
}

interface Arrays {
  readonly g: Float32Array;
  readonly x: Float32Array;
  readonly dx: Float32Array;
}

/** Sums of g·(y − x) where x ≤ s and of g where x > s; of g where 0 < x < s by channel. */
interface Sums {
  rounding: number;
  above: number;
  readonly inner: Float64Array;
}

function differentiateRows({ g, x, dx }: Arrays, { s, limits }: Parameters, sums: Sums): void {
  let rounding = 0;
  let above = 0;
  for (let row = 0; row < x.length; row += limits.length) {
    for (let c = 0; c < limits.length; c++) {
      const i = row + c;
      const value = x[i]!;
      if (value > s) above += g[i]!;
      else {
        rounding += g[i]! * ((value > limits[c]! ? s : 0) - value);
        if (value >= 0) dx[i] = g[i]!;
        if (value > 0 && value < s) sums.inner[c]! += g[i]!;
      }
    }
  }
  sums.rounding = rounding;
  sums.above = above;
}

/** Mean magnitude of every filter; the last axis counts them. */
function magnitudes(w: Float32Array, filters: number): Float32Array {
  const sums = new Float64Array(filters);
  for (let row = 0; row < w.length; row += filters) for (let f = 0; f < filters; f++) sums[f]! += Math.abs(w[row + f]!);
  return Float32Array.from(sums, (sum) => sum / (w.length / filters));
}

function signed(w: Float32Array, means: Float32Array): Float32Array {
  const y = new Float32Array(w.length);
  const filters = means.length;
  for (let row = 0; row < w.length; row += filters) {
    for (let f = 0; f < filters; f++) y[row + f] = w[row + f]! > 0 ? means[f]! : -means[f]!;
  }
  return y;
}
