import * as tf from '@tensorflow/tfjs-core';
import { sumTo } from '../channels.ts';
import type { Application, FakeQuantizeKernels, Grid, GridGradients } from '../kernels.ts';

/** Fake quantization out of TensorFlow.js operations, for every backend and every broadcast. */
export const composedKernels: FakeQuantizeKernels = { forward, backward };

/** Makes the zero that small negative values round to the same zero as every other. */
const POSITIVE_ZERO = 0;

function forward(x: tf.Tensor, grid: Grid): tf.Tensor {
  return tf.tidy(() => {
    const s = tf.div(grid.levels - 1, grid.range);
    const zeroPoint = tf.round(tf.mul(tf.neg(grid.low), s));
    const position = tf.sub(tf.mul(tf.sub(clamp(x, grid), grid.low), s), zeroPoint);
    return tf.div(tf.add(tf.round(position), POSITIVE_ZERO), s);
  });
}

// A value is inside exactly when clamping leaves it alone, and a clamped value tells by itself on which side it was. So the masks of the
// formula need no comparison beyond one, and both parameters share the sums over the values outside.
function backward({ upstream, x, y }: Application, grid: Grid, levelRatio: number): GridGradients {
  return tf.tidy(() => {
    const clamped = clamp(x, grid);
    const dx = tf.mul(upstream, tf.cast(tf.equal(clamped, x), 'float32'));
    const outside = tf.sub(upstream, dx);
    const dLow = sumTo(outside, grid.low.shape);
    const rounding = sumTo(tf.mul(dx, tf.sub(y, x)), grid.range.shape);
    const above = tf.sub(sumTo(tf.mul(outside, clamped), grid.low.shape), tf.mul(grid.low, dLow));
    const scaled = tf.div(tf.add(rounding, tf.mul(above, 1 - levelRatio)), grid.range);
    return { dx, dRange: levelRatio === 0 ? scaled : tf.add(scaled, tf.mul(dLow, levelRatio)), dLow };
  });
}

function clamp(x: tf.Tensor, grid: Grid): tf.Tensor {
  return tf.maximum(tf.minimum(x, tf.add(grid.low, grid.range)), grid.low);
}
