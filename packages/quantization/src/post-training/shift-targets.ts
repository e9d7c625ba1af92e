import type { GraphNode } from '@nncf/core';
import type * as tf from '@tensorflow/tfjs-core';
import { float32Values } from '../tensor-values.ts';
import { followOf, namedOperand, ownVariable, type LiveGraph } from './linear-layers.ts';
import { isRunnable } from './run-linear.ts';

/** A variable that moves a layer's result, one number for every output channel. */
export interface ShiftTarget {
  readonly into: 'bias' | 'batch normalization';
  readonly variable: tf.Variable;
  /** What a shift of the layer's own result is multiplied by on its way to the variable; 1 when left out. */
  readonly factor?: Float32Array;
}

/** A variable that can move a layer's result, or why there is none. */
export type Shiftable = { readonly target: ShiftTarget } | { readonly reason: string };

/** Finds where a shift of a convolution's or product's result can go: into its bias, else into the batch normalization that follows. */
export function shiftTarget(live: LiveGraph, node: GraphNode): Shiftable {
  if (!isRunnable(live.view.graph, node)) return { reason: `the mean of ${node.op} with these attributes is not known` };
  if (!node.insertable) return { reason: 'nothing can be observed at this operation' };
  const { bias, biasReason, normalization } = followOf(live, node);
  if (bias !== undefined) return { target: { into: 'bias', variable: bias.variable } };
  if (biasReason !== undefined) return { reason: biasReason };
  if (normalization === undefined) return { reason: 'it has no bias, and no batch normalization follows' };
  return intoNormalization(live, normalization);
}

/** A shift before batch normalization is γ/√(variance + ε) times as large behind it, where β adds it. */
function intoNormalization(live: LiveGraph, node: GraphNode): Shiftable {
  const offset = ownVariable(live, namedOperand(live, node, 'offset'));
  if (offset === undefined) return { reason: `${node.name} has no β of its own` };
  const variance = valuesOf(live, node, 'variance');
  if (variance === undefined) return { reason: `the variance of ${node.name} is no variable` };
  const scale = valuesOf(live, node, 'scale');
  const epsilon = Number(node.attrs['varianceEpsilon'] ?? 0);
  const factor = variance.map((value, channel) => (scale?.[channel] ?? 1) / Math.sqrt(value + epsilon));
  return { target: { into: 'batch normalization', variable: offset.variable, factor } };
}

function valuesOf(live: LiveGraph, node: GraphNode, name: string): Float32Array | undefined {
  const value = namedOperand(live, node, name);
  const variable = value === undefined ? undefined : live.variables.get(value.name);
  return variable === undefined ? undefined : Float32Array.from(float32Values(variable));
}
