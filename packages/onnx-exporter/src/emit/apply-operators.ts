import { find, onnxOperatorToken, type GraphNode, type OnnxBuilder, type OnnxOperand, type OnnxTensor } from '@nncf/core';
import { unmappedOperator } from '../errors.ts';
import { arrangeParameter } from '../layout/arrangement.ts';
import { sizesIn, type Layout, type Sizes } from '../layout/layout.ts';
import type { PlacedOperator } from '../prepare/operator-table.ts';

/** Facts of an operand; `name` is called when the name is first read. */
export interface OperandFacts extends Omit<OnnxOperand, 'name' | 'weight'> {
  readonly name: () => string;
  readonly weight?: OnnxTensor;
}

/** An operand as mappings see it. */
export class OperandView implements OnnxOperand {
  readonly shape: Sizes;
  readonly perm: readonly number[];
  readonly consumer: GraphNode;
  readonly arrange: (parameter: OnnxTensor) => OnnxTensor;
  declare readonly weight?: OnnxTensor;
  private readonly nameOf: () => string;

  constructor(facts: OperandFacts) {
    this.shape = facts.shape;
    this.perm = facts.perm;
    this.consumer = facts.consumer;
    this.arrange = facts.arrange;
    this.nameOf = facts.name;
    if (facts.weight !== undefined) this.weight = facts.weight;
  }

  get name(): string {
    return this.nameOf();
  }
}

/** An operand that the file computes. */
export function computedOperand(name: string, sizes: Sizes, layout: Layout, consumer: GraphNode): OnnxOperand {
  const shape = sizes.map((size) => size ?? 1);
  return new OperandView({
    name: () => name,
    shape: sizesIn(layout, sizes),
    perm: layout,
    arrange: (parameter) => arrangeParameter(parameter, shape, { axes: layout }),
    consumer,
  });
}

/**
 * Appends the nodes of a chain of operators.
 *
 * @returns name of the result
 * @throws NncfError `EXPORT_UNSUPPORTED` when one of them has no mapping
 */
export function applyOperators(builder: OnnxBuilder, operators: readonly PlacedOperator[], operand: OnnxOperand): string {
  const [first, ...rest] = operators;
  if (first === undefined) return operand.name;
  const { operator, command } = first;
  const mapping = find(onnxOperatorToken, operator.kind);
  if (mapping === undefined) throw unmappedOperator(operand.consumer, operator.kind, command.operator);
  const name = mapping.emit(operator, operand, builder);
  if (rest.length === 0) return name;
  const { shape, perm, arrange, consumer } = operand;
  return applyOperators(builder, rest, new OperandView({ name: () => name, shape, perm, arrange, consumer }));
}
