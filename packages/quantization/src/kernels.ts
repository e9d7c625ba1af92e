import { isNative } from '@nncf/backend/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { channelAxesOf, channelView } from './channels.ts';
import { composedKernels } from './kernels/composed.ts';
import { hostKernels } from './kernels/host.ts';
import { nativeKernels } from './kernels/native.ts';

/** The grid a tensor is quantized on: `levels` points from `low` to `low + range`. */
export interface Grid {
  /** Lowest point; broadcasts against the tensor. */
  readonly low: tf.Tensor;
  /** Distance of the highest point from the lowest, above 0; the shape of `low`. */
  readonly range: tf.Tensor;
  readonly levels: number;
  /** `low` is known to be zero. @default false */
  readonly startsAtZero?: boolean | undefined;
}

/** What the gradient of one application needs: the upstream gradient, the tensor and its quantized value, all of one shape. */
export interface Application {
  readonly upstream: tf.Tensor;
  readonly x: tf.Tensor;
  readonly y: tf.Tensor;
}

/** Gradients by the tensor and by the grid. `dRange` and `dLow` have the shape of the parameters. */
export type GridGradients = {
  readonly dx: tf.Tensor;
  readonly dRange: tf.Tensor;
  readonly dLow: tf.Tensor;
};

/**
 * One implementation of fake quantization. All of them give the same float32 number for every value: each step of the formula is rounded
 * to float32 on its own, and rounding goes half to even.
 *
 *     s = (levels − 1)/range    zp = round(−low·s)    y = round((clamp(x, low, low + range) − low)·s − zp)/s
 *
 * With hi = [x > low + range], lo = [x < low], in = the rest:
 *
 *     dx = g·in    dRange = Σ g·(in·(y − x)/range + hi + lo·levelRatio)    dLow = Σ g·(hi + lo)
 */
export interface FakeQuantizeKernels {
  forward(x: tf.Tensor, grid: Grid): tf.Tensor;
  /** @param levelRatio lowest over highest level; 0 when the lowest level has a parameter of its own */
  backward(application: Application, grid: Grid, levelRatio: number): GridGradients;
}

/** Backends whose values lie in this process's memory, where one loop beats seven kernels. */
const HOST_BACKENDS: ReadonlySet<string> = new Set(['cpu', 'wasm']);

/**
 * The fastest implementation for a tensor and its parameters on the current backend. (Compiled operations take the parameters
 * themselves and have their place in kernels/operation.ts.)
 *
 * TensorFlow's own fused operations do not qualify: against the formula above on 4,194,304 normal values with 255 levels,
 * `FakeQuantWithMinMaxVars` gives another number for 2,053,258 of them, 37 a whole quantum away, and 127 of 254 midpoints differ, since it
 * rounds half up; `QuantizeAndDequantizeV4` with `HALF_TO_EVEN` for 2,053,250, 16 a whole quantum away.
 */
export function fakeQuantizeKernels(x: tf.Tensor, parameterShape: readonly number[]): FakeQuantizeKernels {
  const view = channelView(x.shape, channelAxesOf(parameterShape, x.shape));
  if (isNative() && tf.util.sizeFromShape([...parameterShape]) === 1) return nativeKernels;
  if (view !== undefined && HOST_BACKENDS.has(tf.getBackend())) return hostKernels(view);
  return composedKernels;
}
