import type { OnnxDataType, TypedArray } from '@nncf/core';
import { usesOf, type OnnxGraph, type OnnxInitializer, type OnnxNode, type OnnxUses } from '../emit/onnx-graph.ts';

/** Changes to a graph, collected and then made all at once. */
export class GraphEdit {
  /** Uses in the graph as it was. */
  readonly uses: OnnxUses;
  private readonly graph: OnnxGraph;
  private readonly initializers: Map<string, OnnxInitializer>;
  private readonly replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  private readonly scalars = new Map<number, string>();
  private readonly renames = new Map<string, string>();

  constructor(graph: OnnxGraph) {
    this.graph = graph;
    this.uses = usesOf(graph);
    this.initializers = new Map(graph.initializers);
  }

  /** The stored tensor with this name. */
  constant(name: string | undefined): OnnxInitializer | undefined {
    return name === undefined ? undefined : this.initializers.get(name);
  }

  /** A stored scalar's value. */
  scalar(name: string | undefined): number | undefined {
    const initializer = this.constant(name);
    return initializer?.shape.length === 0 ? initializer.data[0] : undefined;
  }

  /** Stores a tensor under a name made from `wanted`. */
  store(wanted: string, type: OnnxDataType, shape: readonly number[], data: TypedArray): string {
    let name = wanted;
    for (let count = 1; this.isTaken(name); count++) name = `${wanted}_${count}`;
    this.initializers.set(name, { name, type, shape, data });
    return name;
  }

  /** Stores a number, once for all that want it. */
  storeScalar(value: number): string {
    const name = this.scalars.get(value) ?? this.store('scalar', 'FLOAT', [], Float32Array.of(value));
    this.scalars.set(value, name);
    return name;
  }

  /** Puts other nodes in the place of one. */
  replace(node: OnnxNode, by: readonly OnnxNode[]): void {
    this.replacements.set(node, by);
  }

  /** Takes a node out; whoever reads `output` reads `input` from now on. */
  bypass(node: OnnxNode, output: string, input: string): void {
    this.replacements.set(node, []);
    this.renames.set(output, input);
  }

  /** Whether the node was changed already. */
  isTouched(node: OnnxNode): boolean {
    return this.replacements.has(node);
  }

  /** The graph with all changes made. */
  finish(): OnnxGraph {
    const nodes = this.graph.nodes.flatMap((node) => this.replacements.get(node) ?? [node]);
    return {
      ...this.graph,
      nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map((input) => this.nameOf(input)) })),
      initializers: this.initializers,
    };
  }

  private isTaken(name: string): boolean {
    return this.initializers.has(name) || this.uses.producer(name) !== undefined;
  }

  /** The value that stands for this one after the changes so far. */
  nameOf(value: string): string {
    let name = value;
    for (let next = this.renames.get(name); next !== undefined; next = this.renames.get(name)) name = next;
    return name;
  }
}
