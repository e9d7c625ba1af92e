import { checkPlan, mergePlan, validate, type JsonObject, type ModelGraph, type PlanCommand } from '@nncf/core';
import { binarizationSchema } from '../src/config-schema.ts';
import { planBinarization, type BinarizationPlan } from '../src/placement/plan.ts';

/** What a test may set besides the graph. */
export interface PlanningOptions {
  readonly earlier?: readonly PlanCommand[];
  /** Receives warnings; without it a warning fails the test. */
  readonly warnings?: string[];
}

/** Plans a graph as the core would: the section validated, the plan checked. */
export function planOf(graph: ModelGraph, section: JsonObject = {}, { earlier = [], warnings }: PlanningOptions = {}): BinarizationPlan {
  const plan = planBinarization(graph, {
    config: validate(binarizationSchema, section, '/compression'),
    pointer: '/compression',
    targetDevice: 'ANY',
    inputInfo: [],
    earlier,
    warn: (message) => {
      if (warnings === undefined) throw new Error(`unexpected warning: ${message}`);
      warnings.push(message);
    },
  });
  checkPlan(mergePlan(plan.commands), graph);
  return plan;
}

/** Scopes of the convolutions that are binarized. */
export function binarizedIn(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): string[] {
  return planOf(graph, section, options).convolutions.map(({ scope }) => scope);
}

/** Why each other product is left alone, by its scope. */
export function reasonsIn(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): Record<string, string> {
  return Object.fromEntries(planOf(graph, section, options).refusals.map(({ node, reason }) => [node.scope, reason]));
}
