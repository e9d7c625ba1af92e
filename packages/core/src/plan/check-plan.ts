import { NncfError } from '../errors.ts';
import { nodeNamed, type GraphNode, type ModelGraph } from '../graph/model-graph.ts';
import type { CompressionPlan, InsertionPoint, PlanCommand } from './compression-plan.ts';

/**
 * Refuses a plan that could not be carried out: an address that is not in the graph, a place without gradient, two
 * operators of one name, two grids on one operand.
 *
 * @throws NncfError `PLAN_INVALID` that names operator and node
 */
export function checkPlan(plan: CompressionPlan, graph: ModelGraph): void {
  const operators = new Set<string>();
  const grids = new Map<string, string>();
  for (const command of plan.commands) {
    if (operators.has(command.operator)) throw invalid(command, 'has the name of another operator');
    operators.add(command.operator);
    for (const point of command.points) {
      checkPoint(command, point, nodeNamed(graph, point.node));
      if (command.transform === 'discretize') claimGrid(grids, command, point);
    }
  }
}

function checkPoint(command: PlanCommand, point: InsertionPoint, node: GraphNode | undefined): void {
  if (node === undefined) throw invalid(command, `is planned for ${point.node}, which is not in the model`);
  const ports = point.side === 'result' ? node.outputs : node.inputs;
  if (ports[point.port] === undefined)
    throw invalid(command, `is planned for ${point.side ?? 'operand'} ${point.port} of ${point.node}, which has ${ports.length}`);
  const open = point.side === 'result' ? (node.insertableResult ?? node.insertable) : node.insertable;
  if (!open)
    throw invalid(
      command,
      `is planned for ${point.node}, where nothing can be inserted: it runs inside a custom gradient or outside every layer`,
    );
}

function claimGrid(grids: Map<string, string>, command: PlanCommand, point: InsertionPoint): void {
  const key = `${point.node}:${point.side ?? 'operand'}:${point.port}`;
  const owner = grids.get(key);
  if (owner !== undefined)
    throw invalid(command, `and ${owner} both move ${point.side ?? 'operand'} ${point.port} of ${point.node} to a grid`);
  grids.set(key, command.operator);
}

function invalid(command: PlanCommand, what: string): NncfError {
  return new NncfError({
    code: 'PLAN_INVALID',
    source: command.algorithm,
    message: `The operator ${command.operator} ${what}.`,
    hint: 'Narrow one of the algorithms by "ignored_scopes" or "target_scopes".',
  });
}
