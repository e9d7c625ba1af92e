import type { GraphNode, GraphValue, Operand } from '@nncf/core';
import { sameScheme, schemeKey } from '../scheme.ts';
import { axesAbove } from './channel-axes.ts';
import type { Demand, Demands } from './demands.ts';
import { isReal, operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { Groups } from './groups.ts';

/** Where a quantizer acts: at an operand, or at a result of a node, which is where outputs of the model are made. */
export interface Place extends Operand {
  readonly side?: 'result';
}

/** A quantizer of one value. */
export interface Placement {
  readonly value: GraphValue;
  readonly places: readonly Place[];
  readonly demand: Demand;
}

/** What propagation works on. */
export interface PropagationContext {
  readonly view: GraphView;
  readonly demands: Demands;
  readonly groups: Groups;
  /** The wish of the model's outputs; undefined leaves them in floating point. */
  readonly outputDemand?: (() => Demand) | undefined;
}

/** A value and the wishes of everything that reads it. */
interface Branches {
  readonly value: GraphValue;
  readonly reads: readonly { readonly place: Place; readonly demand: Demand | undefined }[];
}

/**
 * Moves every wished quantizer as far up as it serves all readers alike, in one pass from the last operation to the first. When an operation
 * is reached, all readers of its results have been seen. Where all of them want the same, the wish becomes one of the operation's own operands,
 * if the operation is agnostic; otherwise quantizers settle at the operands that want them, one for all that want the same.
 */
export function propagate(context: PropagationContext): readonly Placement[] {
  const { view, demands, groups } = context;
  const wishes = new Map(demands.byOperand);
  const settled: Branches[] = [];
  for (const node of view.graph.nodes.toReversed()) {
    const results = node.outputs.map((id) => branchesOf(context, wishes, view.value(id)));
    const movable = demands.filter.activations(node) === undefined;
    const rising = movable ? risingDemand(view, node, results, groups) : undefined;
    if (rising === undefined) settled.push(...results);
    else for (const operand of carriedOperands(view, node)) wishes.set(operandKey(operand), rising);
  }
  const roots = view.graph.values.filter((value) => value.producer === undefined);
  settled.push(...roots.map((value) => branchesOf(context, wishes, value)));
  return settled.flatMap((branches) => settle(branches, groups));
}

function branchesOf({ view, outputDemand }: PropagationContext, wishes: ReadonlyMap<string, Demand>, value: GraphValue): Branches {
  const inside = view.readers(value).map((place) => ({ place, demand: wishes.get(operandKey(place)) }));
  const producer = view.producer(value);
  if (!view.isOutput(value) || producer === undefined) return { value, reads: inside };
  // The world outside reads an output as well, at no operand.
  const place: Place = { node: producer, port: value.output ?? 0, side: 'result' };
  return { value, reads: [...inside, { place, demand: isReal(value) ? outputDemand?.() : undefined }] };
}

/** What all readers of an agnostic node's results want, in terms of its operands; undefined when they do not agree. */
function risingDemand(view: GraphView, node: GraphNode, results: readonly Branches[], groups: Groups): Demand | undefined {
  const { trait } = view.info(node);
  if (trait !== 'agnostic' && trait !== 'concat') return undefined;
  const demands = results.flatMap(({ reads }) => reads.map(({ demand }) => demand));
  const [first] = demands;
  if (first === undefined || !demands.every((demand) => demand !== undefined && agree(first, demand))) return undefined;
  const above = demandAbove(view, node, first);
  if (above !== undefined) for (const demand of demands) groups.join(demand?.unify ?? first.unify, first.unify);
  return above;
}

function demandAbove(view: GraphView, node: GraphNode, demand: Demand): Demand | undefined {
  const mixes = view.info(node).trait === 'concat' && demand.axes.length > 0;
  const axes = mixes ? undefined : axesAbove(view, node, demand.axes);
  if (axes !== undefined) return { ...demand, axes };
  // A scale per channel is a refinement that weights can do without; activations keep it by staying where they are.
  return demand.group === 'weights' ? { ...demand, axes: [], scheme: { ...demand.scheme, perChannel: false } } : undefined;
}

function agree(a: Demand, b: Demand): boolean {
  return sameScheme(a.scheme, b.scheme) && a.group === b.group && String(a.axes) === String(b.axes);
}

/** Operands that a wish for the result passes to. All operands of a concatenation share one quantizer. */
function carriedOperands(view: GraphView, node: GraphNode): readonly Operand[] {
  const real = operandsOf(node).filter(({ port }) => isReal(view.value(node.inputs[port] ?? -1)));
  return view.info(node).trait === 'concat' ? real : real.slice(0, 1);
}

/** One quantizer for all reads of a value that want the same; at the result, where that is one of them, it serves all. */
function settle({ value, reads }: Branches, groups: Groups): readonly Placement[] {
  if (value.kind === 'constant') return [];
  const byScheme = new Map<string, { readonly demand: Demand; readonly places: Place[] }>();
  for (const { place, demand } of reads) {
    if (demand === undefined) continue;
    const key = `${demand.group} ${schemeKey(demand.scheme)} ${String(demand.axes)}`;
    const present = byScheme.get(key) ?? { demand, places: [] };
    byScheme.set(key, present);
    present.places.push(place);
    groups.join(demand.unify, present.demand.unify);
  }
  return [...byScheme.values()].map(({ demand, places }) => {
    const result = places.find(({ side }) => side === 'result');
    return { value, places: result === undefined ? places : [result], demand };
  });
}
