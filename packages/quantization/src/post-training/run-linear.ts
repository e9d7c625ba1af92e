import { operandValue, type GraphNode, type ModelGraph } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';

/** Operations whose result is linear in their first operand, sample by sample. */
const LINEAR: ReadonlySet<string> = new Set(['Conv2D', 'DepthwiseConv2dNative', 'Conv2DBackpropInput', 'Conv3D', 'MatMul']);

/** Whether {@link runLinear} can run a node: channels last, and samples along the first axes. */
export function isRunnable(graph: ModelGraph, node: GraphNode): boolean {
  if (!LINEAR.has(node.op)) return false;
  if (node.op === 'MatMul') return node.attrs['transposeA'] !== true && operandValue(graph, node, 1).traceShape.length === 2;
  return !String(node.attrs['dataFormat'] ?? 'NHWC').startsWith('NC');
}

/**
 * Runs a convolution or product of the graph on other data, any number of samples.
 *
 * @param traceBatch batch size at which the node's attributes were seen
 */
export function runLinear(node: GraphNode, x: tf.Tensor, weights: tf.Tensor, traceBatch: number): tf.Tensor {
  if (node.op === 'MatMul') return runProduct(node, x, weights);
  const [data = 'x', filter = 'filter'] = (node.attrs['inputNames'] ?? []) as readonly string[];
  const attributes = attributesFor(node, (x.shape[0] ?? 1) / traceBatch);
  return tf.engine().runKernel<tf.Tensor>(node.op, { [data]: x, [filter]: weights }, attributes);
}

function runProduct({ attrs }: GraphNode, x: tf.Tensor, weights: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(x, [-1, x.shape.at(-1) ?? 1]);
  const y = tf.matMul(rows as tf.Tensor2D, weights as tf.Tensor2D, false, attrs['transposeB'] === true);
  return tf.reshape(y, [...x.shape.slice(0, -1), y.shape[1] ?? 1]);
}

/** The node's attributes with sizes that follow the batch multiplied. */
function attributesFor({ attrs, batchAttrs }: GraphNode, factor: number): tf.NamedAttrMap {
  const { inputNames: _, ...own } = attrs;
  const entries = Object.entries(own).map(([key, value]) => {
    const positions = batchAttrs[key] ?? [];
    return [key, Array.isArray(value) ? value.map((size, i) => (positions.includes(i) ? Number(size) * factor : size)) : value];
  });
  return Object.fromEntries(entries) as tf.NamedAttrMap;
}
