import { checkPlan, mergePlan, validate, type JsonObject, type ModelGraph, type PlanCommand } from '@nncf/core';
import { quantizationSchema } from '../src/config-schema.ts';
import { planQuantizers, type QuantizationPlan } from '../src/placement/plan.ts';

/** What a test may set besides the graph. */
export interface PlanningOptions {
  readonly device?: string;
  readonly earlier?: readonly PlanCommand[];
  /** Receives warnings; without it a warning fails the test. */
  readonly warnings?: string[];
}

/** Plans a graph as the core would: the section validated, the plan checked. */
export function planOf(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): QuantizationPlan {
  const plan = planQuantizers(graph, {
    config: validate(quantizationSchema, section, '/compression'),
    pointer: '/compression',
    targetDevice: options.device ?? 'ANY',
    inputInfo: [],
    earlier: options.earlier ?? [],
    warn: (message) => {
      if (options.warnings === undefined) throw new Error(`unexpected warning: ${message}`);
      options.warnings.push(message);
    },
  });
  checkPlan(mergePlan(plan.commands), graph);
  return plan;
}

/** A plan in short: `value @ place place`, weights marked by `w`. */
export function quantizersOf(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): string[] {
  return planOf(graph, section, options).commands.map(brief);
}

/** The activation quantizers of {@link quantizersOf}. */
export function activationsOf(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): string[] {
  return planOf(graph, section, options)
    .commands.filter(({ target }) => target === 'activation')
    .map(brief);
}

function brief({ target, values, points }: PlanCommand): string {
  const places = points.map(({ node, port, side }) => `${node}[${side === 'result' ? '>' : ''}${port}]`);
  return `${target === 'weight' ? 'w ' : ''}${values.join('+')} @ ${places.join(' ')}`;
}

/** Description of every quantizer by value. */
export function descriptionsOf(graph: ModelGraph, section: JsonObject = {}, options: PlanningOptions = {}): Record<string, string> {
  return Object.fromEntries(planOf(graph, section, options).commands.map(({ values, description }) => [values.join('+'), description]));
}
