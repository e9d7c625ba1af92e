import { valueOf, type GraphNode, type GraphValue, type ModelGraph } from '@nncf/core';
import { unknownValue } from '../errors.ts';
import { channelsFirst, type Layout } from '../layout/layout.ts';
import type { Constants } from '../prepare/constants.ts';
import type { OperatorTable, PlacedOperator } from '../prepare/operator-table.ts';
import { applyOperators, computedOperand } from './apply-operators.ts';
import { batchConstant } from './batch-size.ts';
import { ComputedValue, StoredValue, type FileValue } from './file-value.ts';
import type { GraphBuilder } from './graph-builder.ts';
import { originOf } from './weight-origin.ts';
import { WeightValue } from './weight-value.ts';

/** Values of the model in the file, by what the nodes read. */
export class ValueTable {
  readonly graph: ModelGraph;
  private readonly builder: GraphBuilder;
  private readonly constants: Constants;
  private readonly operators: OperatorTable;
  private readonly prefersSpace: ReadonlySet<number>;
  private readonly values = new Map<number, FileValue>();
  private readonly operated = new Map<string, FileValue>();
  private readonly weights = new Map<string, WeightValue>();

  /** @param prefersSpace ids of values that convolutions and their kind will read */
  constructor(graph: ModelGraph, builder: GraphBuilder, constants: Constants, operators: OperatorTable, prefersSpace: ReadonlySet<number>) {
    this.graph = graph;
    this.builder = builder;
    this.constants = constants;
    this.operators = operators;
    this.prefersSpace = prefersSpace;
  }

  /** Says where in the file a value of the model is. */
  bind(id: number, name: string, layout: Layout): void {
    const sizes = valueOf(this.graph, id).shape;
    this.values.set(id, new ComputedValue(this.builder, name, sizes, layout, this.bestLayout(id, layout)));
  }

  /** Says that a value of the model is made of another one. */
  bindValue(id: number, value: FileValue): void {
    this.values.set(id, value);
  }

  /** Whether the value has been bound. */
  has(id: number): boolean {
    return this.values.has(id);
  }

  /** Layout that the readers of a value like best, given the one that it has. */
  bestLayout(id: number, own: Layout): Layout {
    const rank = valueOf(this.graph, id).shape.length;
    if (!this.prefersSpace.has(id) || own.length !== rank) return own;
    return isPlain(own) ? channelsFirst(rank) : own;
  }

  /** A value without what the plan does to it. */
  value(id: number, reader: string): FileValue {
    const present = this.values.get(id);
    if (present !== undefined) return present;
    const value = valueOf(this.graph, id);
    const made = this.constant(value);
    if (made === undefined) throw unknownValue(id, reader);
    this.values.set(id, made);
    return made;
  }

  /** An operand as the node reads it: with the plan's operators. */
  operand(node: GraphNode, port: number): FileValue {
    const id = node.inputs[port] ?? -1;
    const placed = this.operators.at(node, port);
    if (placed.length === 0) return this.value(id, node.name);
    if (this.constants.has(id)) return this.storedWeight(id, node, placed);
    const key = keyOf(id, placed);
    const made = this.operated.get(key) ?? this.operate(id, node, placed);
    this.operated.set(key, made);
    return made;
  }

  /** Lets the plan's operators act on a result that has been bound. */
  operateResult(node: GraphNode, port: number): void {
    const placed = this.operators.atResult(node, port);
    if (placed.length === 0) return;
    const id = node.outputs[port] ?? -1;
    const operated = this.operate(id, node, placed);
    this.bind(id, operated.in(operated.layout), operated.layout);
  }

  /** A constant operand as the node reads it; undefined for a computed one. */
  weight(node: GraphNode, port: number): WeightValue | undefined {
    const id = node.inputs[port] ?? -1;
    if (!this.constants.has(id)) return undefined;
    return this.storedWeight(id, node, this.operators.at(node, port));
  }

  private constant(value: GraphValue): FileValue | undefined {
    if (this.constants.has(value.id)) return new StoredValue(this.builder, this.constants.contentsOf(value.id), nameOf(value));
    return value.data === undefined ? undefined : batchConstant(this.builder, this.graph, value, value.data);
  }

  private operate(id: number, node: GraphNode, operators: readonly PlacedOperator[]): FileValue {
    const value = this.value(id, node.name);
    const { sizes, layout } = value;
    const operand = computedOperand(value.in(layout), sizes, layout, node);
    const name = applyOperators(this.builder, operators, operand);
    return new ComputedValue(this.builder, name, sizes, layout);
  }

  private storedWeight(id: number, consumer: GraphNode, operators: readonly PlacedOperator[]): WeightValue {
    const key = keyOf(id, operators);
    const present = this.weights.get(key);
    if (present !== undefined) return present;
    const origin = operators.length > 0 ? undefined : originOf(this.graph, this.operators, id);
    const contents = this.constants.contentsOf(origin?.id ?? id);
    const name = nameOf(valueOf(this.graph, origin?.id ?? id));
    const made = new WeightValue(this.builder, { contents, name, operators, consumer, ...origin });
    this.weights.set(key, made);
    return made;
  }
}

function keyOf(id: number, operators: readonly PlacedOperator[]): string {
  return [id, ...operators.map(({ command }) => command.operator)].join(' ');
}

function isPlain(layout: Layout): boolean {
  return layout.every((axis, i) => axis === i);
}

function nameOf({ kind, name }: GraphValue): string | undefined {
  return kind === 'constant' ? undefined : name;
}
