import { consumersByValue, producerOf, valueOf, type GraphNode, type GraphValue, type ModelGraph, type Operand } from '@nncf/core';
import { infoOn, type DevicePreset } from './devices.ts';
import type { OperationInfo } from './operations.ts';

/** A graph with the questions that placement asks of it. */
export interface GraphView {
  readonly graph: ModelGraph;
  readonly consumers: readonly (readonly Operand[])[];
  /** Row of the operation table for a node. */
  info(node: GraphNode): OperationInfo;
  value(id: number): GraphValue;
  /** Reads of a value in execution order. */
  readers(value: GraphValue): readonly Operand[];
  producer(value: GraphValue): GraphNode | undefined;
  isOutput(value: GraphValue): boolean;
  /** Operands that hold real numbers and change from input to input. */
  activationOperands(node: GraphNode): readonly Operand[];
  /** The value that agnostic operations made `value` from; `value` itself where there are none. */
  source(value: GraphValue): GraphValue;
}

/** Looks at a graph with a device in mind. */
export function viewGraph(graph: ModelGraph, device: DevicePreset): GraphView {
  const consumers = consumersByValue(graph);
  const outputs = new Set(graph.outputs);
  const view: GraphView = {
    graph,
    consumers,
    info: (node) => infoOn(device, node.op),
    value: (id) => valueOf(graph, id),
    readers: (value) => consumers[value.id] ?? [],
    producer: (value) => producerOf(graph, value),
    isOutput: (value) => outputs.has(value.id),
    activationOperands: (node) => operandsOf(node).filter(({ port }) => isActivation(view, view.value(node.inputs[port] ?? -1))),
    source: (value) => sourceOf(view, value),
  };
  return view;
}

/** All operands of a node. */
export function operandsOf(node: GraphNode): readonly Operand[] {
  return node.inputs.map((_, port) => ({ node, port }));
}

/** Text that names an operand: unique in a graph. */
export function operandKey({ node, port }: Operand): string {
  return `${node.id}:${port}`;
}

/** Whether a value holds real numbers. */
export function isReal(value: GraphValue): boolean {
  return value.dtype === 'float32';
}

function isActivation(view: GraphView, value: GraphValue): boolean {
  const { kind } = view.source(value);
  return isReal(value) && (kind === 'activation' || kind === 'input');
}

function sourceOf(view: GraphView, value: GraphValue): GraphValue {
  const node = view.producer(value);
  if (node === undefined || view.info(node).trait !== 'agnostic') return value;
  const [first, ...others] = node.inputs.map((id) => view.value(id));
  // What a lookup finds depends on the input, even in a table of weights.
  const looksUp = others.some(({ kind }) => kind === 'activation' || kind === 'input');
  return first === undefined || looksUp ? value : sourceOf(view, first);
}

/**
 * Whether a node runs in training as it does in prediction. Batch normalization by moving averages computes statistics there, by other kernels;
 * nothing can be inserted at it.
 */
function runsInTraining(view: GraphView, node: GraphNode): boolean {
  return view.info(node).otherInTraining !== true || view.activationOperands(node).length > 1;
}

/** Whether something can be inserted at the operands of a node, or at its results. */
export function isOpen(view: GraphView, node: GraphNode, side: 'operand' | 'result'): boolean {
  const open = side === 'result' ? (node.insertableResult ?? node.insertable) : node.insertable;
  return open && runsInTraining(view, node);
}

/** Whether a convolution or product with weights reads a node's result, directly or behind operations that move values. */
export function feedsWeights(view: GraphView, node: GraphNode): boolean {
  const reached = new Set<number>();
  const open = [...node.outputs];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const { node: reader } of view.readers(view.value(id))) {
      const { role, trait } = view.info(reader);
      if (role === 'linear' && view.activationOperands(reader).length === 1) return true;
      if (reached.has(reader.id) || (trait !== 'agnostic' && trait !== 'concat')) continue;
      reached.add(reader.id);
      open.push(...reader.outputs);
    }
  }
  return false;
}
