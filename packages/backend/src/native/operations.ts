/**
 * Operations of this project's own that `@nncf/libtensorflow` compiles next to tfjs-node's addon, in C++ and on all processors. Where they are
 * missing (the official tfjs-node, other backends) compositions serve.
 */
import * as tf from '@tensorflow/tfjs-core';
import { isNative, isNativeGpu, nativeOp, nativeOp1, type NativeAttributes } from '../kernel-map.ts';

/** Stands in TensorFlow.js's kernel registry once they are loaded: the registry is one for every copy of this code. */
export const OPERATIONS_MARK = 'NncfOperations';

/** True where the operations of this file can run now: tfjs-node is in use, on the processor, and they were compiled for it. */
export function hasOperations(): boolean {
  return isNative() && !isNativeGpu() && tf.getKernel(OPERATIONS_MARK, 'tensorflow') !== undefined;
}

/** Number of each rule in the operations. */
const RULES = { given: 0, symmetric: 1, tuned: 2 } as const;

/** How a tensor is quantized: on `levels` points, with one grid for each channel. */
export interface FakeQuantizeGrid {
  /** Lowest point of each channel; as many values as there are channels, of any shape. */
  readonly low: tf.Tensor;
  /** Distance from the lowest to the highest point, likewise. */
  readonly range: tf.Tensor;
  /** Points of the grid, at most 65,536. */
  readonly levels: number;
  /** Values of one channel that follow each other in memory: 1 where channels are the last axis. @default 1 */
  readonly inner?: number | undefined;
  /**
   * What `low` and `range` are. `given`: the grid itself. `symmetric`: both the scale, and the grid goes from S·levelRatio to S = |scale| + 1e-16.
   * `tuned`: a range, |range| + 1e-16 wide, one end of which is moved outwards until zero is a point. @default 'given'
   */
  readonly rule?: keyof typeof RULES | undefined;
  /** Lowest over highest level of a symmetric grid, 0 for an asymmetric one. @default 0 */
  readonly levelRatio?: number | undefined;
}

const NO_ATTRIBUTES: NativeAttributes = {};

const attributesByKey = new Map<string, NativeAttributes>();

/** One object for each combination, so that its translation is made once. */
export function attributesFor(key: string, make: () => NativeAttributes): NativeAttributes {
  const known = attributesByKey.get(key) ?? make();
  attributesByKey.set(key, known);
  return known;
}

/**
 * Fake quantization in one pass: y = (round((clamp(x, low, low + range) − low)·s − zp)/s with s = (levels − 1)/range and zp = round(−low·s), each step
 * rounded to float32, half to even. Not recorded for gradients.
 *
 * @param x float32
 */
export function fakeQuantizeOperation(x: tf.Tensor, grid: FakeQuantizeGrid): tf.Tensor {
  return nativeOp1('NncfFakeQuantize', gridAttributes(grid), [x, grid.low, grid.range]);
}

function gridAttributes({ low, levels, inner = 1, rule = 'given', levelRatio = 0 }: FakeQuantizeGrid): NativeAttributes {
  const run = low.size === 1 ? 1 : inner;
  return attributesFor(`q ${levels} ${run} ${rule} ${levelRatio}`, () => ({
    levels: { int: levels },
    inner: { int: run },
    rule: { int: RULES[rule] },
    level_ratio: { float: levelRatio },
  }));
}

/** Gradients of {@link fakeQuantizeOperation}. */
export interface FakeQuantizeGradients {
  readonly dx: tf.Tensor;
  /** In the shape of `range`. */
  readonly dRange: tf.Tensor;
  /** In the shape of `low`. */
  readonly dLow: tf.Tensor;
}

/**
 * With hi = [x > low + range], lo = [x < low], in = the rest: dx = g·in, dRange = Σ g·(in·(y − x)/range + hi + lo·levelRatio), dLow = Σ g·(hi + lo), the
 * sums over each channel, in one pass. Where the grid is made from parameters, dRange is multiplied by the parameter's sign, and making it passes
 * gradients on unchanged.
 *
 * @param upstream g, in the shape of x.
 */
export function fakeQuantizeGradOperation(upstream: tf.Tensor, x: tf.Tensor, grid: FakeQuantizeGrid): FakeQuantizeGradients {
  const [dx, dRange, dLow] = nativeOp('NncfFakeQuantizeGrad', gridAttributes(grid), [upstream, x, grid.low, grid.range], 3);
  return { dx: dx!, dRange: dRange!, dLow: dLow! };
}

/**
 * Moves running averages towards a batch's values, all in one operation: average − (average − batch)·decay.
 *
 * @returns The new averages.
 */
export function movingAverageOperation(averages: readonly tf.Tensor[], batches: readonly tf.Tensor[], decay: number): tf.Tensor[] {
  const count = averages.length;
  const attributes = attributesFor(`a ${count} ${decay}`, () => ({ N: { int: count }, decay: { float: decay } }));
  return nativeOp('NncfMovingAverage', attributes, [...averages, ...batches], count);
}

/**
 * Batch normalization with the batch's statistics. The outputs are those of TensorFlow's `FusedBatchNormV3` on a processor, but that the last is
 * 1/√(variance + epsilon).
 *
 * @param x `[…, channels]`
 * @param scale `[channels]`
 * @param offset `[channels]`
 */
export function batchNormOperation(x: tf.TensorInfo, scale: tf.TensorInfo, offset: tf.TensorInfo, epsilon: number): tf.Tensor[] {
  const attributes = attributesFor(`n ${epsilon}`, () => ({ epsilon: { float: epsilon } }));
  return nativeOp('NncfBatchNorm', attributes, [x, scale, offset], 6);
}

/**
 * Gradients by x, scale and offset of {@link batchNormOperation}.
 *
 * @param operands The upstream gradient, x, scale and the last three outputs.
 */
export function batchNormGradOperation(operands: readonly tf.TensorInfo[]): tf.Tensor[] {
  return nativeOp('NncfBatchNormGrad', NO_ATTRIBUTES, operands, 3);
}
