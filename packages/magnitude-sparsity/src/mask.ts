import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { forEachImportance, importanceDivisor, readWeights } from './importance.ts';
import type { MagnitudeOptions } from './threshold.ts';

/**
 * Mask of one layer: 1 where importance > threshold, else 0. The layer must be whole: `normed_abs` divides by its norm.
 *
 * @param weight one layer's weights, any shape
 * @param threshold an importance, as `magnitudeThreshold` returns it
 * @returns a float32 tensor of the weight's shape
 */
export function magnitudeMask<T extends Tensor>(weight: T, threshold: number, options: MagnitudeOptions = {}): T {
  return tensor(magnitudeMaskData(readWeights(weight), threshold, options), weight.shape, 'float32') as T;
}

/** {@link magnitudeMask} on the contents of a layer. */
export function magnitudeMaskData(
  data: Float32Array,
  threshold: number,
  { importance = 'normed_abs' }: MagnitudeOptions = {},
): Float32Array {
  const mask = new Float32Array(data.length);
  forEachImportance(data, importanceDivisor(data, importance), (piece, length, start) => {
    for (let i = 0; i < length; i++) mask[start + i] = (piece[i] as number) > threshold ? 1 : 0;
  });
  return mask;
}
