import { operandValue, valueOf, type GraphNode, type GraphValue, type NncfError, type OnnxNodeOptions, type TensorData } from '@nncf/core';
import { unsupportedUse } from '../errors.ts';
import type { Arrangement } from '../layout/arrangement.ts';
import { needsTranspose } from '../layout/convert-layout.ts';
import { completeLayout, isWide, plainLayout, sizesIn, wideAxes, type Layout, type Sizes } from '../layout/layout.ts';
import type { OnnxNodeContext } from '../node-mapping.ts';
import { operandNames } from '../prepare/attributes.ts';
import { sizeVector } from './batch-size.ts';
import { onnxType, RepeatedValue, StoredValue, type FileValue } from './file-value.ts';
import type { GraphBuilder } from './graph-builder.ts';
import type { ValueTable } from './value-table.ts';

/** The context that mappings get. */
export class NodeContext implements OnnxNodeContext {
  readonly node: GraphNode;
  readonly builder: GraphBuilder;
  private readonly table: ValueTable;

  constructor(node: GraphNode, builder: GraphBuilder, table: ValueTable) {
    this.node = node;
    this.builder = builder;
    this.table = table;
  }

  get arity(): number {
    return this.node.inputs.length;
  }

  port(name: string): number {
    return operandNames(this.node).indexOf(name);
  }

  sizes(port: number): Sizes {
    return this.source(port).shape;
  }

  dtype(port: number): string {
    return this.source(port).dtype;
  }

  constant(port: number): TensorData | undefined {
    return this.operand(port).data;
  }

  layout(port: number): Layout {
    return this.operand(port).layout;
  }

  layoutWith(port: number, axes: readonly number[]): Layout {
    return completeLayout(this.layout(port), axes, this.sizes(port).length);
  }

  commonLayout(axes: readonly number[] = []): Layout {
    const sizes = this.outputSizes();
    const rank = sizes.length;
    const wanted = plainLayout(rank).filter((axis) => axes.includes(axis) || isWide(sizes, axis));
    const operands = this.fullOperands(rank);
    const candidates = operands.map(({ layout }) =>
      this.table.bestLayout(this.node.outputs[0] ?? -1, completeLayout(layout, wanted, rank)),
    );
    const costs = candidates.map((candidate) => transposeCost(operands, candidate));
    return candidates[costs.indexOf(Math.min(...costs))] ?? plainLayout(rank);
  }

  input(port: number, layout: Layout = plainLayout(this.sizes(port).length)): string {
    return this.operand(port).in(layout);
  }

  broadcastInput(port: number, layout: Layout, rank: number): string {
    return broadcastIn(this.narrowest(port, rank), layout);
  }

  broadcastConstant(tensor: TensorData, layout: Layout, rank: number): string {
    return broadcastIn(new StoredValue(this.builder, tensor).widened(rank), layout);
  }

  weight(port: number, arrangement: Arrangement): string {
    const stored = this.table.weight(this.node, port);
    if (stored !== undefined) return stored.arranged(arrangement);
    const { axes, merged } = arrangement;
    const name = this.operand(port).in(axes);
    return merged === undefined ? name : this.emit('Reshape', [name, this.int64s(merged)]);
  }

  outputSizes(index = 0): Sizes {
    return this.result(index).shape;
  }

  traced(which: { readonly input: number } | { readonly output: number }): readonly number[] {
    return ('input' in which ? this.source(which.input) : this.result(which.output)).traceShape;
  }

  outputDtype(index = 0): string {
    return this.result(index).dtype;
  }

  output(index: number, name: string, layout?: Layout): void {
    const id = this.result(index).id;
    this.table.bind(id, name, layout ?? plainLayout(this.outputSizes(index).length));
  }

  outputRepeated(index: number, port: number): void {
    const { id, shape, traceShape } = this.result(index);
    const narrow = this.operand(port).widened(shape.length);
    const expand = (value: FileValue, layout: Layout): string =>
      this.builder.once('Expand', [
        broadcastIn(value, layout),
        this.sizeVector(sizesIn(layout, shape), sizesIn(layout, traceShape).map(Number)),
      ]);
    this.table.bindValue(id, new RepeatedValue(narrow, shape, expand));
  }

  emit(op: string, inputs: readonly string[], attributes: OnnxNodeOptions['attributes'] = {}): string {
    return this.builder.node(op, inputs, { attributes })[0] ?? '';
  }

  int64s(values: readonly number[]): string {
    return this.builder.constant(values, [values.length], 'INT64');
  }

  scalar(value: number, dtype = 'float32'): string {
    return this.builder.constant([value], [], onnxType(dtype));
  }

  sizeVector(sizes: Sizes, traced: readonly number[]): string {
    return sizeVector(this.builder, this.table.graph, sizes, traced);
  }

  unsupported(reason: string): NncfError {
    return unsupportedUse(this.node, reason);
  }

  /** An operand without its repetition, where the other operands are as wide. */
  private narrowest(port: number, rank: number): FileValue {
    const value = this.operand(port).widened(rank);
    const { narrow } = value;
    if (narrow === undefined) return value;
    const others = this.node.inputs.flatMap((_, other) => (other === port ? [] : [this.operand(other).widened(rank)]));
    const isCovered = (axis: number): boolean =>
      isWide(narrow.sizes, axis) || others.some((other) => isWide((other.narrow ?? other).sizes, axis));
    return wideAxes(plainLayout(rank), value.sizes).every(isCovered) ? narrow : value;
  }

  private operand(port: number): FileValue {
    return this.table.operand(this.node, port);
  }

  private source(port: number): GraphValue {
    return operandValue(this.table.graph, this.node, port);
  }

  private result(index: number): GraphValue {
    return valueOf(this.table.graph, this.node.outputs[index] ?? -1);
  }

  /** Operands of the rank whose layout is given: not constants, which take any. */
  private fullOperands(rank: number): readonly FileValue[] {
    return this.node.inputs.map((_, port) => this.operand(port)).filter((value) => value.sizes.length === rank && !value.isStored);
  }
}

// Broadcasting adds axes of size 1 in front by itself.
function broadcastIn(value: FileValue, layout: Layout): string {
  const first = layout.findIndex((axis) => isWide(value.sizes, axis));
  return value.in(first < 0 ? [] : layout.slice(first));
}

function transposeCost(operands: readonly FileValue[], layout: Layout): number {
  return operands
    .filter((operand) => needsTranspose(operand.layout, layout, operand.sizes))
    .reduce((cost, { sizes }) => cost + sizes.reduce<number>((n, size) => n * (size ?? 1), 1), 0);
}
