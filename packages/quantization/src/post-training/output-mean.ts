import type { GraphNode } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';

/** Operations whose result is linear in their first operand, sample by sample. */
const LINEAR: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative', 'Conv2DBackpropInput', 'Conv3D', 'MatMul']);

/** Whether {@link outputMean} can be taken: channels last, and samples along the first axes. */
export function hasOutputMean(node: GraphNode, weightShape: readonly number[]): boolean {
  if (!LINEAR.has(node.op)) return false;
  if (node.op === 'MatMul') return node.attrs['transposeA'] !== true && weightShape.length === 2;
  return !String(node.attrs['dataFormat'] ?? 'NHWC').startsWith('NC');
}

/**
 * Sum over samples of what a convolution or product reads, and how many there are. The rows of a product are samples; a convolution's positions stay
 * apart, since its borders see zeros.
 */
export function inputSum({ op }: GraphNode, x: tf.Tensor): { readonly total: tf.Tensor; readonly count: number } {
  const samples = op === 'MatMul' ? tf.reshape(x, [-1, x.shape.at(-1) ?? 1]) : x;
  return { total: tf.sum(samples, 0, true), count: samples.shape[0] ?? 0 };
}

/**
 * Mean of a convolution's or product's result over samples and positions, one number for every output channel. The operation is linear, so it runs
 * once, on the mean of the samples.
 *
 * @param mean of the samples, `[1, …]`
 * @param traceBatch batch size at which the node's attributes were seen
 */
export function outputMean(node: GraphNode, mean: tf.Tensor, weights: tf.Tensor, traceBatch: number): tf.Tensor1D {
  return tf.tidy(() => {
    const y = node.op === 'MatMul' ? product(node, mean, weights) : convolution(node, mean, weights, traceBatch);
    return tf.mean(tf.reshape(y, [-1, y.shape.at(-1) ?? 1]), 0);
  });
}

function product({ attrs }: GraphNode, x: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  return tf.matMul(x as tf.Tensor2D, weights as tf.Tensor2D, false, attrs['transposeB'] === true);
}

function convolution(node: GraphNode, x: tf.Tensor, weights: tf.Tensor, traceBatch: number): tf.Tensor {
  const [data = 'x', filter = 'filter'] = (node.attrs['inputNames'] ?? []) as readonly string[];
  return tf.engine().runKernel<tf.Tensor>(node.op, { [data]: x, [filter]: weights }, attributesForOne(node, traceBatch));
}

/** The node's attributes with sizes that follow the batch set to those of one sample. */
function attributesForOne({ attrs, batchAttrs }: GraphNode, traceBatch: number): tf.NamedAttrMap {
  const { inputNames: _, ...own } = attrs;
  const entries = Object.entries(own).map(([key, value]) => {
    const positions = batchAttrs[key] ?? [];
    return [key, Array.isArray(value) ? value.map((size, i) => (positions.includes(i) ? Number(size) / traceBatch : size)) : value];
  });
  return Object.fromEntries(entries) as tf.NamedAttrMap;
}
