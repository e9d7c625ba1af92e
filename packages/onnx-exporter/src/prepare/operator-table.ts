import type { CompressionPlan, GraphNode, InsertionPoint, PlanCommand, TensorOperator } from '@nncf/core';
import { missingOperator } from '../errors.ts';

/** A live operator at one operand. */
export interface PlacedOperator {
  readonly command: PlanCommand;
  readonly operator: TensorOperator;
}

/** Which operators of the plan act on which operand or result, masks before grids. */
export class OperatorTable {
  private readonly byPoint = new Map<string, PlacedOperator[]>();

  /** @throws NncfError `EXPORT_INVALID` when an operator of the plan is not alive. */
  constructor(plan: CompressionPlan, operators: ReadonlyMap<string, TensorOperator>) {
    for (const transform of ['mask', 'discretize'])
      for (const command of plan.commands) if (command.transform === transform) this.place(command, operators);
  }

  /** Operators at an operand, in the order of application. */
  at(node: GraphNode, port: number): readonly PlacedOperator[] {
    return this.byPoint.get(keyOf({ node: node.name, port })) ?? [];
  }

  /** Operators at a result, in the order of application. */
  atResult(node: GraphNode, port: number): readonly PlacedOperator[] {
    return this.byPoint.get(keyOf({ node: node.name, port, side: 'result' })) ?? [];
  }

  private place(command: PlanCommand, operators: ReadonlyMap<string, TensorOperator>): void {
    const operator = operators.get(command.operator);
    if (operator === undefined) throw missingOperator(command.operator);
    for (const point of command.points) {
      const key = keyOf(point);
      this.byPoint.set(key, [...(this.byPoint.get(key) ?? []), { command, operator }]);
    }
  }
}

function keyOf({ node, port, side = 'operand' }: InsertionPoint): string {
  return `${side} ${port} of ${node}`;
}
