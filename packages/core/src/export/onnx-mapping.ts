import type { TensorOperator } from '../algorithm/operator.ts';
import type { TypedArray } from '../graph/tensor-data.ts';
import type { JsonObject } from '../json.ts';
import type { GraphNode } from '../graph/model-graph.ts';

/** An element type of ONNX, by its name in the standard. */
export type OnnxDataType = 'FLOAT' | 'FLOAT16' | 'INT4' | 'UINT4' | 'INT8' | 'UINT8' | 'INT16' | 'UINT16' | 'INT32' | 'INT64' | 'BOOL';

/** Attribute values: an integer is given as `{ int: 1 }`, a real number as `{ float: 0.5 }`. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] };

/** Options of one node. */
export interface OnnxNodeOptions {
  /** Name of the node; one is made from the operation when left out. */
  readonly name?: string;
  /** Operator set; the standard one by default. */
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly outputs?: number;
}

/** What a mapping writes with. All names are those of ONNX values. */
export interface OnnxBuilder {
  /** Appends a node, returns the names of its outputs. */
  node(op: string, inputs: readonly string[], options?: OnnxNodeOptions): readonly string[];
  /** Adds an initializer, returns its name. Equal contents may be stored once. INT8/UINT8 data come as Int32Array or Uint8Array. */
  constant(data: TypedArray | readonly number[], shape: readonly number[], type: OnnxDataType, name?: string): string;
  /** Declares that the file uses an operator set. */
  useDomain(domain: string, version: number): void;
  /** Version of the standard operator set in the file. */
  readonly opset: number;
  /** Options of the export, `format` among them: `qdq` (standard operations) or `fakequantize`. */
  readonly options: JsonObject;
}

/** A float tensor as ONNX holds it. */
export interface OnnxTensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** A tensor that an operator is applied to, in the layout that it has in the file. */
export interface OnnxOperand {
  /** Name of the ONNX value; for a weight, of the float initializer that is made only if this getter is read. */
  readonly name: string;
  /** Contents of a weight in ONNX's layout, all earlier operators (masks) applied; undefined for an activation. */
  readonly weight?: OnnxTensor;
  /** Sizes in ONNX's layout; `null` where the size follows the batch. */
  readonly shape: readonly (number | null)[];
  /**
   * `perm[i]` is the axis in TensorFlow's layout of axis i here. A depthwise filter with a multiplier has no such
   * permutation, two of its axes become one: prefer {@link OnnxOperand.arrange}.
   */
  readonly perm: readonly number[];
  /** Lays a parameter that broadcasts against the tensor in TensorFlow's layout (`[1, 1, 1, C]`) out for here (`[1, C, 1, 1]`). */
  arrange(parameter: OnnxTensor): OnnxTensor;
  /** Node that reads the operand. */
  readonly consumer: GraphNode;
}

/** How an operator looks in ONNX; lives beside the operator, in its package. */
export interface OnnxOperatorMapping {
  /** {@link TensorOperator.kind} that it maps. */
  readonly kind: string;
  /** Appends nodes that apply the operator to the operand, returns the name of the result. */
  emit(operator: TensorOperator, operand: OnnxOperand, builder: OnnxBuilder): string;
}
