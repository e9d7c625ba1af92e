import { consumersByValue, producerOf, valueOf, type GraphNode, type GraphValue, type ModelGraph } from '@nncf/core';
import { activations, isProduct, productsBetween, soleActivation } from './products.ts';

/** Why the preset `paper` leaves a convolution alone. */
export type PaperExclusion = 'first' | 'classifier' | 'before the classifier' | 'shortcut';

/**
 * Convolutions that the paper advises not to binarize (section 3.2 of arXiv 2002.08679): the first one, the dense layer (or the convolution that
 * stands in its place), the convolution right before it, and those on residual shortcuts.
 */
export function paperExclusions(graph: ModelGraph): ReadonlyMap<GraphNode, PaperExclusion> {
  const entries: (readonly [GraphNode, PaperExclusion])[] = [
    ...shortcuts(graph).map((node) => [node, 'shortcut'] as const),
    ...lastProducts(graph).flatMap(({ classifier, before }) => [
      ...(before === undefined ? [] : [[before, 'before the classifier'] as const]),
      [classifier, 'classifier'] as const,
    ]),
    ...firstProducts(graph).map((node) => [node, 'first'] as const),
  ];
  return new Map(entries.filter(([{ op }]) => op === 'Conv2D'));
}

/** Products that see the model's inputs before any other has. */
function firstProducts(graph: ModelGraph): readonly GraphNode[] {
  const untouched = new Set(graph.inputs);
  return graph.nodes.filter((node) => {
    if (!node.inputs.some((id) => untouched.has(id))) return false;
    if (!isProduct(node)) for (const id of node.outputs) untouched.add(id);
    return isProduct(node);
  });
}

/** A product that no other one follows, and the last convolution before it in the order of execution. */
interface LastProduct {
  readonly classifier: GraphNode;
  readonly before: GraphNode | undefined;
}

function lastProducts(graph: ModelGraph): readonly LastProduct[] {
  const followed = valuesBeforeProducts(graph);
  const last = graph.nodes.filter((node) => isProduct(node) && !node.outputs.some((id) => followed.has(id)));
  return last.map((classifier) => {
    const reached = sources(graph, classifier);
    return { classifier, before: graph.nodes.findLast((node) => node.op === 'Conv2D' && reached.has(node)) };
  });
}

/** Values from which a way leads to a product. */
function valuesBeforeProducts(graph: ModelGraph): ReadonlySet<number> {
  const before = new Set<number>();
  for (const node of graph.nodes.toReversed()) {
    if (isProduct(node) || node.outputs.some((id) => before.has(id))) for (const id of node.inputs) before.add(id);
  }
  return before;
}

/** Nodes whose results reach a node. */
function sources(graph: ModelGraph, node: GraphNode): ReadonlySet<GraphNode> {
  const wanted = new Set(node.inputs);
  const found = new Set<GraphNode>();
  for (const each of graph.nodes.slice(0, node.id).toReversed()) {
    if (!each.outputs.some((id) => wanted.has(id))) continue;
    found.add(each);
    for (const id of each.inputs) wanted.add(id);
  }
  return found;
}

/** Convolutions that alone stand on one way from a fork to an addition, where the other way has two products or more. */
function shortcuts(graph: ModelGraph): readonly GraphNode[] {
  const additions = graph.nodes.filter(({ op }) => op === 'Add' || op === 'AddN');
  return additions.flatMap((addition) => {
    const operands = activations(graph, addition);
    return operands.flatMap((operand) => {
      const convolution = nearestProduct(graph, operand);
      const others = operands.filter((other) => other !== operand);
      return convolution !== undefined && isShortcut(graph, convolution, others) ? [convolution] : [];
    });
  });
}

function isShortcut(graph: ModelGraph, convolution: GraphNode, others: readonly GraphValue[]): boolean {
  return forks(graph, convolution).some((fork) => {
    const counts = productsBetween(graph, fork);
    return others.some(({ id }) => (counts.get(id) ?? 0) >= 2);
  });
}

/** The product that a value comes from by operations of one operand. */
function nearestProduct(graph: ModelGraph, value: GraphValue): GraphNode | undefined {
  const producer = producerOf(graph, value);
  if (producer === undefined || isProduct(producer)) return producer;
  const before = soleActivation(graph, producer);
  return before === undefined ? undefined : nearestProduct(graph, before);
}

/** Values that a product's input is, or comes from by operations of one operand, and that others read too. */
function forks(graph: ModelGraph, product: GraphNode): readonly GraphValue[] {
  const found: GraphValue[] = [];
  const consumers = consumersByValue(graph);
  let value: GraphValue | undefined = valueOf(graph, product.inputs[0] ?? -1);
  while (value !== undefined) {
    if ((consumers[value.id]?.length ?? 0) > 1) found.push(value);
    const producer = producerOf(graph, value);
    value = producer === undefined || isProduct(producer) ? undefined : soleActivation(graph, producer);
  }
  return found;
}
