import { operandValue, producerOf, type GraphNode, type GraphValue, type ModelGraph, type Operand } from './model-graph.ts';

/** A trained variable that products read, and where an operator on it belongs. */
export interface WeightUse {
  readonly variable: GraphValue;
  /** Operands that read the variable itself: those of the products, or of the reshape or transpose in between. */
  readonly points: readonly Operand[];
  /** The products at the end of those paths, in execution order. */
  readonly products: readonly GraphNode[];
}

/** Products of a tensor with a weight; the weight is operand 1. */
const PRODUCTS: readonly string[] = ['Conv2D', 'DepthwiseConv2dNative', 'Conv2DBackpropInput', 'Conv3D', 'MatMul'];

/** Operations that move values without changing one. */
const MOVING: ReadonlySet<string> = new Set(['Reshape', 'Transpose', 'ExpandDims', 'Identity']);

/**
 * The weights of convolutions and dense layers, each variable once, in execution order. A variable that a product
 * reaches through a reshape or a transpose counts; one whose value is computed with does not.
 *
 * @param ops products to look at; convolutions of every kind and matrix products by default
 */
export function weightUses(graph: ModelGraph, ops: readonly string[] = PRODUCTS): readonly WeightUse[] {
  const found = new Map<number, { points: Map<string, Operand>; products: GraphNode[] }>();
  for (const product of graph.nodes) {
    if (!ops.includes(product.op)) continue;
    const point = variableOperand(graph, product);
    if (point === undefined) continue;
    const id = point.node.inputs[point.port] ?? -1;
    const use = found.get(id) ?? { points: new Map<string, Operand>(), products: [] };
    found.set(id, use);
    use.points.set(`${point.node.id}:${point.port}`, point);
    use.products.push(product);
  }
  return [...found].map(([id, { points, products }]) => ({
    variable: graph.values[id] as GraphValue,
    points: [...points.values()],
    products,
  }));
}

/** The operand at which a product's weight leaves its variable; undefined when it is no variable. */
function variableOperand(graph: ModelGraph, product: GraphNode): Operand | undefined {
  let point: Operand = { node: product, port: 1 };
  for (;;) {
    const value = operandValue(graph, point.node, point.port);
    if (value.kind === 'variable') return point;
    const producer = producerOf(graph, value);
    if (producer === undefined || !MOVING.has(producer.op)) return undefined;
    point = { node: producer, port: 0 };
  }
}
