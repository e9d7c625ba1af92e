import { fakeQuantizeGradOperation, fakeQuantizeOperation, hasOperations, type FakeQuantizeGrid } from '@nncf/backend/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import { channelAxesOf, channelView } from '../channels.ts';
import { differentiable } from '../differentiable.ts';
import type { LevelRange } from '../levels.ts';

/**
 * Fake quantization by the backend's compiled operations: one pass forward and one backward, on all processors, from the trained parameters to their
 * gradients. Undefined where the backend has none, or they do not know the shape.
 */
export interface QuantizeOperation {
  symmetric<T extends tf.Tensor>(x: T, scale: tf.Tensor, levels: LevelRange): T;
  asymmetric<T extends tf.Tensor>(x: T, low: tf.Tensor, range: tf.Tensor, levels: number): T;
}

/** The operations for a tensor and parameters of a shape. */
export function quantizeOperation(x: tf.Tensor, parameterShape: readonly number[]): QuantizeOperation | undefined {
  const inner = hasOperations() ? channelView(x.shape, channelAxesOf(parameterShape, x.shape))?.inner : undefined;
  if (inner === undefined) return undefined;
  return {
    symmetric: (x, scale, { levels, levelLow, levelHigh }) =>
      applied(x, [scale], ([low]) => ({ low: low!, range: low!, levels, inner, rule: 'symmetric', levelRatio: levelLow / levelHigh })),
    asymmetric: (x, low, range, levels) =>
      applied(x, [low, range], ([low, range]) => ({ low: low!, range: range!, levels, inner, rule: 'tuned' })),
  };
}

function applied<T extends tf.Tensor>(x: T, parameters: tf.Tensor[], gridOf: (parameters: readonly tf.Tensor[]) => FakeQuantizeGrid): T {
  const quantize = differentiable<T>(([input, ...given], save) => {
    save([input!, ...given]);
    return {
      value: fakeQuantizeOperation(input!, gridOf(given)),
      gradFunc: (upstream, [x, ...saved]) => {
        const { dx, dRange, dLow } = fakeQuantizeGradOperation(upstream, x!, gridOf(saved));
        return saved.length === 1 ? [dx, dRange] : [dx, dLow, dRange];
      },
    };
  });
  return quantize(x, ...parameters);
}
