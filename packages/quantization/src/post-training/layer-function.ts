import type { GraphNode } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { followOf, namedOperand, onlyReader, type LiveGraph } from './linear-layers.ts';
import { isRunnable, runLinear } from './run-linear.ts';

/** What a layer makes of its input: product, bias, batch normalization and activation. */
export type LayerFunction = (x: tf.Tensor, weights: tf.Tensor) => tf.Tensor;

/** Activations that need nothing but their operand. */
const ACTIVATIONS: ReadonlySet<string> = new Set([
  'Relu',
  'Relu6',
  'LeakyRelu',
  'Elu',
  'Selu',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'ClipByValue',
]);

const AVERAGES: ReadonlySet<string> = new Set(['Mean', 'AvgPool']);

/** A convolution or product with all that follows it up to the next tensor that a runtime stores; undefined where it cannot be run by itself. */
export function layerFunction(live: LiveGraph, node: GraphNode): LayerFunction | undefined {
  const { view } = live;
  if (AVERAGES.has(node.op)) return (x) => unary(node, x);
  if (!isRunnable(view.graph, node)) return undefined;
  const { bias, normalization, result } = followOf(live, node);
  const next = onlyReader(view, result)?.node;
  const activation = next !== undefined && ACTIVATIONS.has(next.op) ? next : undefined;
  return (x, weights) => {
    let y = runLinear(node, x, weights, view.graph.traceBatch);
    if (bias !== undefined) y = tf.add(y, bias.variable);
    if (normalization !== undefined) y = normalized(live, normalization, y);
    return activation === undefined ? y : unary(activation, y);
  };
}

function normalized(live: LiveGraph, node: GraphNode, y: tf.Tensor): tf.Tensor {
  const of = (name: string): tf.Tensor1D | undefined =>
    live.variables.get(namedOperand(live, node, name)?.name ?? '') as tf.Tensor1D | undefined;
  const [mean, variance] = [of('mean'), of('variance')];
  if (mean === undefined || variance === undefined) return y;
  return tf.batchNorm(y, mean, variance, of('offset'), of('scale'), Number(node.attrs['varianceEpsilon'] ?? 0));
}

function unary({ op, attrs }: GraphNode, x: tf.Tensor): tf.Tensor {
  const { inputNames: _, ...own } = attrs;
  return tf.engine().runKernel<tf.Tensor>(op, { x }, own as tf.NamedAttrMap);
}
