import { operandValue, valueOf, type GraphNode, type ModelGraph } from './model-graph.ts';

/** Multiply-adds of a convolution or product for one sample; 0 for other operations. */
export function multiplyAdds(graph: ModelGraph, node: GraphNode): number {
  const perPosition = positionCost(graph, node);
  if (perPosition === 0) return 0;
  const counted = node.op.includes('BackpropInput') ? operandValue(graph, node, 0) : valueOf(graph, node.outputs[0] ?? -1);
  return (product(counted.traceShape) * perPosition) / graph.traceBatch;
}

/** Multiply-adds for one element of the result (of the input in transposed convolutions). */
function positionCost(graph: ModelGraph, node: GraphNode): number {
  const filter = node.inputs.length > 1 ? operandValue(graph, node, 1).traceShape : [];
  switch (node.op) {
    case 'Conv2D':
    case 'Conv3D':
    case 'Conv2DBackpropInput':
    case 'Conv3DBackpropInputV2':
      // HWIO counts inputs per output, HWOI outputs per input: both stand before the last axis.
      return product(filter.slice(0, -1));
    case 'DepthwiseConv2dNative':
      return product(filter.slice(0, -2));
    case 'MatMul':
      return operandValue(graph, node, 0).traceShape.at(node.attrs['transposeA'] === true ? -2 : -1) ?? 1;
    default:
      return 0;
  }
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
