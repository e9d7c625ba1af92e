import type { GraphNode } from '@nncf/core';
import type { GraphView } from './graph-view.ts';

/** Element-wise steps that written-out activations consist of. */
const ELEMENTWISE: ReadonlySet<string> = new Set([
  'Sigmoid',
  'Tanh',
  'Relu',
  'Relu6',
  'ClipByValue',
  'Softplus',
  'Erf',
  'Exp',
  'Log',
  'Log1p',
  'Pow',
  'Square',
  'Add',
  'Sub',
  'Multiply',
  'RealDiv',
]);

/** Whether a node may be part of a written-out activation. */
export function isElementwise(node: GraphNode): boolean {
  return ELEMENTWISE.has(node.op);
}

/**
 * Nodes that compute the value `from` out of the value `to` alone, in execution order; undefined where another input or another kind of node is
 * part of it.
 */
export function regionBetween(
  view: GraphView,
  from: number,
  to: number,
  isStep: (node: GraphNode) => boolean,
): readonly GraphNode[] | undefined {
  const region = new Map<number, GraphNode>();
  const open = [from];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = view.producer(view.value(id));
    if (id === to || (node !== undefined && region.has(node.id))) continue;
    const operands = node === undefined || !isStep(node) ? [] : view.activationOperands(node);
    if (node === undefined || operands.length === 0) return undefined;
    region.set(node.id, node);
    open.push(...operands.map(({ port }) => node.inputs[port] ?? -1));
  }
  return [...region.values()].toSorted((a, b) => a.id - b.id);
}

/** Whether nothing but the region and `reader` reads what a region computes. */
export function isClosed(view: GraphView, region: readonly GraphNode[], reader: GraphNode): boolean {
  const inside = new Set([...region.map(({ id }) => id), reader.id]);
  return region.every((node) =>
    node.outputs.every((id) => {
      const value = view.value(id);
      return !view.isOutput(value) && view.readers(value).every((read) => inside.has(read.node.id));
    }),
  );
}
