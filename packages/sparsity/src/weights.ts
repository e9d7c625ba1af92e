import { isInScope, requireKnownScopes, weightUses, type ModelGraph, type PlanCommand, type Scoping, type WeightUse } from '@nncf/core';

/** What {@link planMasks} needs to know of an algorithm. */
export interface MaskPlan {
  readonly algorithm: string;
  /** JSON pointer of the section. */
  readonly pointer: string;
  readonly scoping: Scoping;
  /** For people: `magnitude normed_abs global`. */
  readonly description: string;
  readonly warn: (message: string) => void;
}

/**
 * One mask for every weight of a convolution or product in scope, at every operand that reads it. None is a warning.
 *
 * @throws NncfError `SCOPE_UNMATCHED`
 */
export function planMasks(graph: ModelGraph, plan: MaskPlan): readonly PlanCommand[] {
  requireKnownScopes(plan.scoping, graph.nodes, plan.pointer);
  const uses = weightUses(graph).filter((use) => isInScope(plan.scoping, use.products) && isReachable(use, plan.warn));
  if (uses.length === 0) plan.warn(`The section at ${plan.pointer} leaves no weight of a convolution or a product to ${plan.algorithm}.`);
  return uses.map((use) => maskCommand(use, plan));
}

/** A mask at some of the readers would leave others with the dense weight. */
function isReachable({ variable, points }: WeightUse, warn: (message: string) => void): boolean {
  const blocked = points.find(({ node }) => !node.insertable);
  if (blocked !== undefined) warn(`The weight "${variable.name}" stays dense: nothing can be inserted at ${blocked.node.name}.`);
  return blocked === undefined;
}

/** One mask for a weight, at every operand that reads it. */
export function maskCommand(
  { variable, points }: WeightUse,
  { algorithm, description }: Pick<MaskPlan, 'algorithm' | 'description'>,
): PlanCommand {
  return {
    algorithm,
    operator: `${algorithm}/${variable.name}`,
    target: 'weight',
    transform: 'mask',
    points: points.map(({ node, port }) => ({ node: node.name, port })),
    values: [variable.name],
    description,
    spec: { shape: [...variable.traceShape] },
  };
}
