import type { CompressionPlan, PlanCommand, TransformKind } from './compression-plan.ts';

/** Order of application on one operand: a masked value must reach the grid as zero, and zero is on every grid. */
const ORDER: readonly TransformKind[] = ['mask', 'discretize'];

/** Joins the commands of all algorithms: by transform, then as configured. */
export function mergePlan(commands: readonly PlanCommand[]): CompressionPlan {
  const ordered = ORDER.flatMap((transform) => commands.filter((command) => command.transform === transform));
  return { commands: ordered };
}
