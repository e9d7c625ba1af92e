import type { OnnxAttribute, OnnxDataType, TypedArray } from '@nncf/core';

/** A tensor stored in the file. Integers of any width come as Int32Array or Uint8Array. */
export interface OnnxInitializer {
  readonly name: string;
  readonly type: OnnxDataType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** One operation of the file. An absent optional input is `""`. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  /** `""` for the standard operator set. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the file. */
export interface OnnxPort {
  readonly name: string;
  readonly type: OnnxDataType;
  /** Sizes; a string names a size that is open. */
  readonly shape: readonly (number | string)[];
}

/** A model as ONNX has it, nodes in execution order. Immutable: passes make new ones. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: ReadonlyMap<string, OnnxInitializer>;
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /** Operator sets by domain. */
  readonly domains: ReadonlyMap<string, number>;
}

/** Which nodes read and make each value. */
export interface OnnxUses {
  producer(value: string): OnnxNode | undefined;
  consumers(value: string): readonly OnnxNode[];
  /** Whether the value has exactly one reader and is no output of the model. */
  isPrivate(value: string): boolean;
}

/** Looks a graph's uses up once. Linear in its size. */
export function usesOf(graph: Pick<OnnxGraph, 'nodes' | 'outputs'>): OnnxUses {
  const producers = new Map<string, OnnxNode>();
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) producers.set(output, node);
    for (const input of node.inputs) append(consumers, input, node);
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return {
    producer: (value) => producers.get(value),
    consumers: (value) => consumers.get(value) ?? [],
    isPrivate: (value) => consumers.get(value)?.length === 1 && !outputs.has(value),
  };
}

function append(map: Map<string, OnnxNode[]>, key: string, node: OnnxNode): void {
  const present = map.get(key);
  if (present === undefined) map.set(key, [node]);
  else present.push(node);
}
