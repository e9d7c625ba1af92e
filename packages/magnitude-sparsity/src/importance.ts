import type { Tensor } from '@tensorflow/tfjs-core';

/** How weights of different layers are compared: by size, or by size within their layer. */
export type WeightImportance = 'abs' | 'normed_abs';

/** One layer's weights: a tensor of any shape, or its contents. */
export type LayerWeights = Tensor | Float32Array | readonly number[];

/** Importances are made in pieces of this many, so that they stay in the cache and need no copy of the weights. */
const CHUNK = 1 << 14;

/** Contents of a layer's weights. Reads the tensor from its backend; not to be written to. */
export function readWeights(weights: LayerWeights): Float32Array {
  if (weights instanceof Float32Array) return weights;
  const contents = 'dataSync' in weights ? weights.dataSync() : weights;
  return contents instanceof Float32Array ? contents : Float32Array.from(contents);
}

/**
 * What a layer's importances are divided by: ‖w‖₂ for `normed_abs`, 1 for `abs`. A layer of zeros, which has no norm, gets 1:
 * its importances are zero.
 */
export function importanceDivisor(data: Float32Array, importance: WeightImportance): number {
  if (importance === 'abs') return 1;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) ** 2;
  return sum === 0 ? 1 : Math.sqrt(sum);
}

/**
 * Visits a layer's importances |w|/divisor, rounded to float32, in pieces.
 * Threshold and mask both take them from here, so that a weight at the threshold is equal to it in every bit.
 *
 * @param visit gets a piece, valid during the call, how much of it is filled, and where in the layer it begins
 */
export function forEachImportance(
  data: Float32Array,
  divisor: number,
  visit: (piece: Float32Array, length: number, start: number) => void,
): void {
  const piece = new Float32Array(Math.min(CHUNK, data.length));
  for (let start = 0; start < data.length; start += CHUNK) {
    const length = Math.min(CHUNK, data.length - start);
    for (let i = 0; i < length; i++) piece[i] = Math.abs(data[start + i] as number) / divisor;
    visit(piece, length, start);
  }
}
