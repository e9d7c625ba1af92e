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
 * Mean of a convolution's or product's result over samples and positions, one number for every output channel. The operation is linear, so
 * it runs once, on the mean of the samples.
 *
 * @param operands data and weights
 * @param traceBatch batch size at which the node's attributes were seen
 */
export function outputMean(node: GraphNode, operands: readonly tf.Tensor[], traceBatch: number): tf.Tensor1D {
  return tf.tidy(() => {
    const [x, weights] = operands as [tf.Tensor, tf.Tensor];
    const y = node.op === 'MatMul' ? productOfMean(node, x, weights) : convolutionOfMean(node, x, weights, traceBatch);
    return tf.mean(tf.reshape(y, [-1, y.shape.at(-1) ?? 1]), 0);
  });
}

function productOfMean(node: GraphNode, x: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  const mean = tf.mean(tf.reshape(x, [-1, x.shape.at(-1) ?? 1]), 0, true);
  return tf.matMul(mean as tf.Tensor2D, weights as tf.Tensor2D, false, node.attrs['transposeB'] === true);
}

/** Borders see zeros, so the mean is kept position by position until the convolution has run. */
function convolutionOfMean(node: GraphNode, x: tf.Tensor, weights: tf.Tensor, traceBatch: number): tf.Tensor {
  const [data = 'x', filter = 'filter'] = (node.attrs['inputNames'] ?? []) as readonly string[];
  const inputs = { [data]: tf.mean(x, 0, true), [filter]: weights };
  return tf.engine().runKernel<tf.Tensor>(node.op, inputs, attributesForOne(node, traceBatch));
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
