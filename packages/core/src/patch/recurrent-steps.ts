import { NncfError } from '../errors.ts';
import type { ModelGraph } from '../graph/model-graph.ts';
import { weightUses } from '../graph/weight-uses.ts';

/** How often a product runs in one pass, by scope. */
export type StepProducts = ReadonlyMap<string, { readonly op: string; readonly count: number }>;

/**
 * The products of scopes that use one weight again and again, as a recurrent layer does at every step. Operators have
 * addresses up to the last step of the trace: a longer sequence would silently run on without them.
 */
export function stepProducts(graph: ModelGraph): StepProducts {
  const again = weightUses(graph).flatMap(({ products }) =>
    products.filter(({ scope }, i) => products.findIndex((other) => other.scope === scope) < i),
  );
  const count = (scope: string, op: string): number => graph.nodes.filter((node) => node.scope === scope && node.op === op).length;
  return new Map(again.map(({ scope, op }) => [scope, { op, count: count(scope, op) }]));
}

/** @throws NncfError `GRAPH_UNSTABLE` when a recurrent scope ran another number of products than in the trace */
export function checkSteps(steps: StepProducts, scope: string, ran: ReadonlyMap<string, number>): void {
  const traced = steps.get(scope);
  if (traced === undefined) return;
  const { op, count } = traced;
  const found = ran.get(op) ?? 0;
  if (found !== count) throw otherLength(scope, op, count, found);
}

function otherLength(scope: string, op: string, expected: number, found: number): NncfError {
  return new NncfError({
    code: 'GRAPH_UNSTABLE',
    message: `The scope "${scope || 'of the whole model'}" uses its weights at every step. It ran ${found} ${op} where ${expected} were traced: the sequence has another length.`,
    hint: 'Give sequences of the length of "sample_size" at /input_info, shorter ones padded, or leave the scope out by "ignored_scopes".',
  });
}
