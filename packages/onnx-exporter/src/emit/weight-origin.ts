import { producerOf, valueOf, type GraphNode, type ModelGraph } from '@nncf/core';
import { plainLayout, type Layout } from '../layout/layout.ts';
import { numbersAttribute } from '../prepare/attributes.ts';
import type { OperatorTable, PlacedOperator } from '../prepare/operator-table.ts';

/** Where a weight comes from that is only turned on its way to its reader. */
export interface WeightOrigin {
  /** The tensor before it is turned. */
  readonly id: number;
  /** Its axis that each axis at the reader is. */
  readonly axes: Layout;
  /** What the plan does to it where it is turned first. */
  readonly operators: readonly PlacedOperator[];
  readonly consumer: GraphNode;
}

/**
 * Follows a weight back through transpositions, and reshapes that keep its shape, to the plan's operators, or to its variable: a dense layer of
 * TensorFlow.js turns its kernel so, by nothing, before a product over sequences reads it. Undefined where the weight is not turned.
 */
export function originOf(graph: ModelGraph, table: OperatorTable, id: number): WeightOrigin | undefined {
  let axes = plainLayout(valueOf(graph, id).traceShape.length);
  for (let at = id; ;) {
    const node = producerOf(graph, valueOf(graph, at));
    const turned = node && turnedAxes(graph, node);
    if (node === undefined || turned === undefined) return undefined;
    axes = axes.map((axis) => turned[axis] ?? axis);
    at = node.inputs[0] ?? -1;
    const operators = table.at(node, 0);
    if (operators.length > 0 || valueOf(graph, at).kind === 'variable') return { id: at, axes, operators, consumer: node };
  }
}

/** The operand's axis that each axis of the result is; undefined for a node that does more than turn. */
function turnedAxes(graph: ModelGraph, node: GraphNode): Layout | undefined {
  if (node.op === 'Transpose') return numbersAttribute(node, 'perm');
  const [before, after] = [node.inputs[0], node.outputs[0]].map((value) => valueOf(graph, value ?? -1).traceShape);
  return node.op === 'Reshape' && String(before) === String(after) ? plainLayout(before?.length ?? 0) : undefined;
}
