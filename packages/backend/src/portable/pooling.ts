/**
 * Pooling's gradients in plain loops, for the backends whose own are wrong: wasm adds maximum pooling's onto memory it has not cleared, and wasm
 * and cpu divide average pooling's by the whole window where it hangs over the edge.
 */
import * as tf from '@tensorflow/tfjs-core';
import { attributesOf, inputsOf } from '../kernel-map.ts';
import { poolSizes, type PoolAttributes } from '../geometry.ts';

type Sizes = tf.backend_util.Conv2DInfo;

/** The part of a window along one axis that lies inside the input: `[from, to)`. */
function inside(position: number, stride: number, before: number, size: number, limit: number): [number, number] {
  const start = position * stride - before;
  return [Math.max(start, 0), Math.min(start + size, limit)];
}

/** Calls `visit` for every output position with its window's rows and columns in the input. */
function eachWindow(sizes: Sizes, visit: (output: number, batch: number, rows: [number, number], columns: [number, number]) => void): void {
  const { batchSize, outHeight, outWidth, strideHeight, strideWidth, filterHeight, filterWidth, inHeight, inWidth, padInfo } = sizes;
  for (let batch = 0; batch < batchSize; batch += 1) {
    for (let y = 0; y < outHeight; y += 1) {
      const rows = inside(y, strideHeight, padInfo.top, filterHeight, inHeight);
      for (let x = 0; x < outWidth; x += 1) {
        const columns = inside(x, strideWidth, padInfo.left, filterWidth, inWidth);
        visit(((batch * outHeight + y) * outWidth + x) * sizes.outChannels, batch, rows, columns);
      }
    }
  }
}

/**
 * Gradient of maximum pooling: each output's gradient goes to the first largest value of its window, in row order, as in TensorFlow.
 *
 * @param x Input, `[batch, height, width, channels]` flat.
 * @param dy Gradient of the output, flat.
 */
function maxPoolGrad(x: ArrayLike<number>, dy: ArrayLike<number>, sizes: Sizes): Float32Array {
  const { inHeight, inWidth, inChannels } = sizes;
  const dx = new Float32Array(x.length);
  const best = new Int32Array(inChannels);
  eachWindow(sizes, (output, batch, [top, bottom], [left, right]) => {
    best.fill(-1);
    for (let row = top; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1) {
        const at = ((batch * inHeight + row) * inWidth + column) * inChannels;
        for (let c = 0; c < inChannels; c += 1) {
          const leader = best[c]!;
          if (leader < 0 || x[at + c]! > x[leader]!) best[c] = at + c;
        }
      }
    }
    for (let c = 0; c < inChannels; c += 1) dx[best[c]!]! += dy[output + c]!;
  });
  return dx;
}

/**
 * Gradient of average pooling: each output's gradient is shared out evenly over the part of its window that lies inside the input.
 *
 * @param dy Gradient of the output, `[batch, outHeight, outWidth, channels]` flat.
 */
function avgPoolGrad(dy: ArrayLike<number>, sizes: Sizes): Float32Array {
  const { batchSize, inHeight, inWidth, inChannels } = sizes;
  const dx = new Float32Array(batchSize * inHeight * inWidth * inChannels);
  eachWindow(sizes, (output, batch, [top, bottom], [left, right]) => {
    const share = 1 / ((bottom - top) * (right - left));
    for (let row = top; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1) {
        const at = ((batch * inHeight + row) * inWidth + column) * inChannels;
        for (let c = 0; c < inChannels; c += 1) dx[at + c]! += dy[output + c]! * share;
      }
    }
  });
  return dx;
}

/** TensorFlow.js's kernel `MaxPoolGrad` on the named backend. */
export function maxPoolGradConfig(backendName: string): tf.KernelConfig {
  return {
    kernelName: tf.MaxPoolGrad,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { dy, input } = inputsOf<'dy' | 'input'>(inputs);
      const sizes = poolSizes(input.shape, attributesOf<PoolAttributes>(attrs));
      return tf.tensor(maxPoolGrad(input.dataSync(), dy.dataSync(), sizes), input.shape);
    },
  };
}

/** TensorFlow.js's kernel `AvgPoolGrad` on the named backend. */
export function avgPoolGradConfig(backendName: string): tf.KernelConfig {
  return {
    kernelName: tf.AvgPoolGrad,
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { dy, input } = inputsOf<'dy' | 'input'>(inputs);
      const sizes = poolSizes(input.shape, attributesOf<PoolAttributes>(attrs));
      return tf.tensor(avgPoolGrad(dy.dataSync(), sizes), input.shape);
    },
  };
}
