import { NncfError } from '../errors.ts';
import type { JsonObject } from '../json.ts';
import type { TensorData } from './tensor-data.ts';

/** Where a value comes from. */
export type ValueKind = 'input' | 'variable' | 'constant' | 'activation';

/** A tensor that flows through the model. */
export interface GraphValue {
  /** Position in {@link ModelGraph.values}. */
  readonly id: number;
  /** Name of the input, the variable, or `<node>:<output index>`; `const_<id>` for a constant. */
  readonly name: string;
  readonly kind: ValueKind;
  /** Sizes; `null` where the size follows the batch. */
  readonly shape: readonly (number | null)[];
  readonly dtype: string;
  /** Sizes seen in the trace, at batch size {@link ModelGraph.traceBatch}. */
  readonly traceShape: readonly number[];
  /** Node that makes this value; absent for inputs, variables and constants. */
  readonly producer?: number;
  /** Which output of the producer. */
  readonly output?: number;
  /** Contents of a constant. */
  readonly data?: TensorData;
}

/**
 * One canonical operation. `op` is the TensorFlow.js kernel name after canonicalization: fused kernels stand as their
 * parts (`Conv2D`, `Add`, `Relu`), both matrix products are `MatMul`.
 */
export interface GraphNode {
  /** Position in {@link ModelGraph.nodes}; nodes are in execution order. */
  readonly id: number;
  /** Address: `<scope>/<op>_<order within the scope>`, the same in training and in prediction. */
  readonly name: string;
  readonly op: string;
  /** Layer path, `encoder/conv1`; `#k` marks the k-th further call of a shared layer. */
  readonly scope: string;
  /** Value ids in operand order: `Conv2D` x, filter; `MatMul` a, b; others as the kernel has them. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Attributes of the kernel: strides, pad, axis, … */
  readonly attrs: JsonObject;
  /** Which positions of an integer array attribute (`shape`, `size`, …) follow the batch size. */
  readonly batchAttrs: Readonly<Record<string, readonly number[]>>;
  /** Whether operands can be replaced: not inside a custom gradient or a fused kernel, where the tape does not see them. */
  readonly insertable: boolean;
  /** Whether results can be replaced; as `insertable` when left out. The last part of a fused kernel has results alone. */
  readonly insertableResult?: boolean;
}

/** Immutable canonical graph of a model. */
export interface ModelGraph {
  readonly nodes: readonly GraphNode[];
  readonly values: readonly GraphValue[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Batch size of {@link GraphValue.traceShape}. */
  readonly traceBatch: number;
}

/** One operand of one node. */
export interface Operand {
  readonly node: GraphNode;
  readonly port: number;
}

/** The value with this id. */
export function valueOf(graph: ModelGraph, id: number): GraphValue {
  const value = graph.values[id];
  if (value === undefined) throw new NncfError({ code: 'GRAPH_INVALID', message: `The graph has no value ${id}.` });
  return value;
}

/** The value at an operand of a node. @throws NncfError `GRAPH_INVALID` when the node has no such operand. */
export function operandValue(graph: ModelGraph, node: GraphNode, port: number): GraphValue {
  return valueOf(graph, node.inputs[port] ?? -1);
}

/** The node that makes a value, if a node makes it. */
export function producerOf(graph: ModelGraph, value: GraphValue): GraphNode | undefined {
  return value.producer === undefined ? undefined : graph.nodes[value.producer];
}

/** The node with this address. */
export function nodeNamed(graph: ModelGraph, name: string): GraphNode | undefined {
  return graph.nodes.find((node) => node.name === name);
}

/** Every operand that reads a value, in execution order, indexed by value id. Linear in the size of the graph. */
export function consumersByValue(graph: ModelGraph): readonly (readonly Operand[])[] {
  const consumers: Operand[][] = graph.values.map(() => []);
  for (const node of graph.nodes) node.inputs.forEach((id, port) => consumers[id]?.push({ node, port }));
  return consumers;
}
