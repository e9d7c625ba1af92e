import * as tf from '@tensorflow/tfjs-core';
import { sumTo } from '../channels.ts';
import type { Application, FakeQuantizeKernels, Grid, GridGradients } from '../kernels.ts';

/** Fake quantization out of TensorFlow.js operations, for every backend and every broadcast. */
export const composedKernels: FakeQuantizeKernels = {
  forward: (x, grid) => tf.tidy(() => roundToGrid(clamp(x, grid), grid)),
  backward: (application, grid, levelRatio) =>
    tf.tidy(() => {
      const clamped = clamp(application.x, grid);
      const inside = tf.cast(tf.equal(clamped, application.x), 'float32');
      return gridGradients({ ...application, clamped, dx: tf.mul(application.upstream, inside) }, grid, levelRatio);
    }),
};

/** Makes the zero that small negative values round to the same zero as every other. */
const POSITIVE_ZERO = 0;

/** The grid point nearest to each of the values, which must lie within the grid. */
export function roundToGrid(clamped: tf.Tensor, grid: Grid): tf.Tensor {
  const s = tf.div(grid.levels - 1, grid.range);
  return tf.div(tf.add(tf.round(levelOf(clamped, grid, s)), POSITIVE_ZERO), s);
}

// A grid that starts at zero needs no shift: subtracting zero changes no number.
function levelOf(clamped: tf.Tensor, { low, startsAtZero }: Grid, s: tf.Tensor): tf.Tensor {
  if (startsAtZero) return tf.mul(clamped, s);
  return tf.sub(tf.mul(tf.sub(clamped, low), s), tf.round(tf.mul(tf.neg(low), s)));
}

/** An application with the values clamped to the grid and the gradient by x, which is the upstream gradient where clamping changed nothing. */
export interface ClampedApplication extends Application {
  readonly clamped: tf.Tensor;
  readonly dx: tf.Tensor;
}

/**
 * The gradients by the parameters. A clamped value tells by itself on which side it was, so the masks of the formula need no comparison, and
 * both parameters share the sum over the values outside.
 */
export function gridGradients(application: ClampedApplication, grid: Grid, levelRatio: number): GridGradients {
  const { upstream, x, y, clamped, dx } = application;
  const outside = tf.sub(upstream, dx);
  const dLow = sumTo(outside, grid.low.shape);
  const rounding = sumTo(tf.mul(dx, tf.sub(y, x)), grid.range.shape);
  const above = tf.sub(sumTo(tf.mul(outside, clamped), grid.low.shape), tf.mul(grid.low, dLow));
  const scaled = tf.div(tf.add(rounding, tf.mul(above, 1 - levelRatio)), grid.range);
  return { dx, dRange: levelRatio === 0 ? scaled : tf.add(scaled, tf.mul(dLow, levelRatio)), dLow };
}

function clamp(x: tf.Tensor, grid: Grid): tf.Tensor {
  return tf.maximum(tf.minimum(x, tf.add(grid.low, grid.range)), grid.low);
}
