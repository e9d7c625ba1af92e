import type { JsonObject } from '../json.ts';

/** An operand of a node, or a result, by the node's address. */
export interface InsertionPoint {
  readonly node: string;
  /** Position among the node's operands, or among its results. */
  readonly port: number;
  /** `operand` by default; `result` is for what no node reads, the model's outputs. */
  readonly side?: 'operand' | 'result';
}

/**
 * What an operator does to a tensor, in the order of application on one operand: first `mask` (values become zero),
 * then `discretize` (values move to a grid).
 */
export type TransformKind = 'mask' | 'discretize';

/** One operator and the operands that it changes. One operator at several operands keeps one set of parameters. */
export interface PlanCommand {
  /** Name of the algorithm that owns the operator. */
  readonly algorithm: string;
  /** Unique within the plan: `<algorithm>/<value>`. */
  readonly operator: string;
  /** Whether the operand is a trained variable or a computed tensor. */
  readonly target: 'weight' | 'activation';
  readonly transform: TransformKind;
  readonly points: readonly InsertionPoint[];
  /** Name of the value in the graph; for a weight the variable's name. Several for a shared (unified) operator. */
  readonly values: readonly string[];
  /** For people, in one short phrase: `int8 symmetric signed per-channel`. */
  readonly description: string;
  /** For the algorithm: what it needs to build the operator. */
  readonly spec: JsonObject;
}

/** Everything that will be inserted into the model, in order. Pure data: printable and comparable. */
export interface CompressionPlan {
  readonly commands: readonly PlanCommand[];
}
