import { producerOf, valueOf, type GraphNode, type GraphValue, type ModelGraph } from '@nncf/core';

/** Operations that multiply and add: convolutions and matrix products. */
const PRODUCTS: ReadonlySet<string> = new Set([
  'Conv2D',
  'DepthwiseConv2dNative',
  'Conv2DBackpropInput',
  'Conv3D',
  'Conv3DBackpropInputV2',
  'MatMul',
]);

/** Whether a node is a convolution or a matrix product. */
export function isProduct({ op }: GraphNode): boolean {
  return PRODUCTS.has(op);
}

/** A node's operands that are computed from the input, or are the input; each value once. */
export function activations(graph: ModelGraph, node: GraphNode): readonly GraphValue[] {
  return [...new Set(node.inputs)].map((id) => valueOf(graph, id)).filter((value) => !isStored(graph, value));
}

/** A node's operand of {@link activations}, where it has but one. */
export function soleActivation(graph: ModelGraph, node: GraphNode): GraphValue | undefined {
  const [first, ...others] = activations(graph, node);
  return others.length === 0 ? first : undefined;
}

/** Variables, constants, and what is computed from these alone. */
function isStored(graph: ModelGraph, value: GraphValue): boolean {
  if (value.kind === 'input') return false;
  const producer = producerOf(graph, value);
  return producer === undefined || producer.inputs.every((id) => isStored(graph, valueOf(graph, id)));
}

/** Products on the longest way from a value to each other one; absent where there is no way. */
export function productsBetween(graph: ModelGraph, start: GraphValue): ReadonlyMap<number, number> {
  const counts = new Map([[start.id, 0]]);
  for (const node of graph.nodes) {
    const reached = node.inputs.flatMap((id) => counts.get(id) ?? []);
    if (reached.length === 0) continue;
    const count = Math.max(...reached) + (isProduct(node) ? 1 : 0);
    for (const id of node.outputs) counts.set(id, count);
  }
  return counts;
}
