import {
  register,
  registryToken,
  type GraphNode,
  type NncfError,
  type OnnxBuilder,
  type OnnxNodeOptions,
  type RegistryToken,
  type TensorData,
} from '@nncf/core';
import type { Arrangement } from './layout/arrangement.ts';
import type { Layout, Sizes } from './layout/layout.ts';

/**
 * What a mapping of one node reads and writes with. Axes and layouts are TensorFlow's axis numbers: the layout
 * `[0, 3, 1, 2]` is NCHW.
 */
export interface OnnxNodeContext {
  readonly node: GraphNode;
  /** Writes nodes and constants. */
  readonly builder: OnnxBuilder;
  /** Number of operands. */
  readonly arity: number;
  /** Position of the operand that the kernel calls so (`filter`); −1 where it is absent. */
  port(name: string): number;
  /** Sizes of an operand; `null` where a size follows the batch. */
  sizes(port: number): Sizes;
  /** Element type of an operand: `float32`, `int32`, `bool`. */
  dtype(port: number): string;
  /** Contents of an operand that is constant and not changed by the plan; undefined for others. */
  constant(port: number): TensorData | undefined;
  /** Layout in which an operand is at hand without a transpose. */
  layout(port: number): Layout;
  /** That layout with these axes in it, also where they have size 1. */
  layoutWith(port: number, axes: readonly number[]): Layout;
  /**
   * Layout that an operation on several operands should work in: the one that needs the fewest transposes. It holds
   * every axis on which the result or `axes` is wider than 1.
   */
  commonLayout(axes?: readonly number[]): Layout;
  /** Name of an operand's value, the plan's operators applied, in a layout; TensorFlow's own by default. */
  input(port: number, layout?: Layout): string;
  /** Like {@link input} for an operand that broadcasts against a tensor of higher rank that lies in the layout. */
  broadcastInput(port: number, layout: Layout, rank: number): string;
  /** A constant of the mapping's own, laid out like {@link broadcastInput}. */
  broadcastConstant(tensor: TensorData, layout: Layout, rank: number): string;
  /** Name of a weight's value, folded into an arrangement. */
  weight(port: number, arrangement: Arrangement): string;
  /** Sizes of an output. */
  outputSizes(index?: number): Sizes;
  /** Sizes of an operand or output as numbers, the batch as it was in the trace. */
  traced(which: { readonly input: number } | { readonly output: number }): readonly number[];
  /** Element type of an output. */
  outputDtype(index?: number): string;
  /** Says which ONNX value an output is, and its layout; TensorFlow's own by default. Every output needs it. */
  output(index: number, name: string, layout?: Layout): void;
  /** Says that an output is an operand repeated along axes of size 1; it is made only where a reader does not broadcast. */
  outputRepeated(index: number, port: number): void;
  /** Appends one node with one output and returns its name. */
  emit(op: string, inputs: readonly string[], attributes?: OnnxNodeOptions['attributes']): string;
  /** An INT64 vector. */
  int64s(values: readonly number[]): string;
  /** A scalar of an operand's type, FLOAT by default. */
  scalar(value: number, dtype?: string): string;
  /** An INT64 vector of sizes that may follow the batch; `traced` are the sizes at the trace's batch. */
  sizeVector(sizes: Sizes, traced: readonly number[]): string;
  /** An error that names the node: `throw context.unsupported("…")`. */
  unsupported(reason: string): NncfError;
}

/** How one operation of the canonical graph looks in ONNX. */
export interface OnnxNodeMapping {
  /** Name of the TensorFlow.js kernel: `Conv2D`. */
  readonly op: string;
  /**
   * What the operation wants its first operand's layout to be: `channels-first` for convolutions and their kind, `any`
   * for operations that work in whatever layout comes, `plain` (the default) for TensorFlow's own.
   */
  readonly layout?: 'channels-first' | 'any' | 'plain';
  /** Appends nodes and binds every output of the node. */
  emit(context: OnnxNodeContext): void;
}

/** ONNX mappings of operations, by operation. */
export const onnxNodeToken: RegistryToken<OnnxNodeMapping> = registryToken('ONNX node mapping');

/**
 * Registers how an operation looks in ONNX.
 *
 * @throws NncfError `ALREADY_REGISTERED` when the operation has another mapping
 */
export function registerOnnxNode(mapping: OnnxNodeMapping): void {
  register(onnxNodeToken, mapping.op, mapping);
}
