import { nativeOp, nativeOp1, type NativeAttributes } from '@nncf/backend/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { FakeQuantizeKernels, Grid } from '../kernels.ts';
import { gridGradients, roundToGrid } from './composed.ts';

const CLIP: NativeAttributes = { T: { type: 'float32' } };
const MASK: NativeAttributes = { T: { type: 'float32' }, axis: { int: -1 } };

/**
 * Fake quantization of a whole tensor on tfjs-node. Of TensorFlow's operations two give exactly the numbers of the formula: clamping in one
 * pass, and the gradient of `QuantizeAndDequantizeV4` by its input, which is the upstream gradient within the bounds, bounds included.
 */
export const nativeKernels: FakeQuantizeKernels = {
  forward: (x, grid) =>
    tf.tidy(() => {
      const [low, high] = bounds(grid);
      return roundToGrid(nativeOp1('ClipByValue', CLIP, [x, low, high]), grid);
    }),
  backward: (application, grid, levelRatio) =>
    tf.tidy(() => {
      const [low, high] = bounds(grid);
      const clamped = nativeOp1('ClipByValue', CLIP, [application.x, low, high]);
      const [dx] = nativeOp('QuantizeAndDequantizeV4Grad', MASK, [application.upstream, application.x, low, high], 3);
      return gridGradients({ ...application, clamped, dx: dx! }, grid, levelRatio);
    }),
};

function bounds({ low, range }: Grid): [low: tf.Tensor, high: tf.Tensor] {
  return [tf.reshape(low, []), tf.reshape(tf.add(low, range), [])];
}
