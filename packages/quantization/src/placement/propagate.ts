import type { GraphNode, GraphValue, Operand } from '@nncf/core';
import { axesAbove } from './channel-axes.ts';
import { demandKey, type Demand } from './demand.ts';
import type { Demands } from './demands.ts';
import { feedsWeights, isOpen, isReal, operandKey, operandsOf, type GraphView } from './graph-view.ts';
import type { Groups } from './groups.ts';
import { mergeDemands, type PropagationRule } from './merge.ts';

/** Where a quantizer acts: at an operand, or at a result of a node. */
export interface Place extends Operand {
  readonly side?: 'result';
}

/** A quantizer of one value. */
export interface Placement {
  readonly value: GraphValue;
  readonly places: readonly Place[];
  readonly demand: Demand;
  /** Set of the quantizer whose results this one rounds again, if one stands before it. */
  readonly behind?: number | undefined;
}

/** What propagation works on. */
export interface PropagationContext {
  readonly view: GraphView;
  readonly demands: Demands;
  readonly groups: Groups;
  readonly rule: PropagationRule;
  /** The wish of the model's outputs; undefined leaves them in floating point. */
  readonly outputDemand?: (() => Demand) | undefined;
}

/** A place that reads a value, and its wish. */
interface Read {
  readonly value: GraphValue;
  readonly place: Place;
  readonly demand: Demand | undefined;
}

type Wanted = Read & { readonly demand: Demand };

/**
 * Moves every wished quantizer as far up as it serves all readers alike, in one pass from the last operation to the first. When an operation
 * is reached, all readers of its results have been seen. Where one quantizer can serve them all, its wish becomes one of the operation's own
 * operands, if the operation is agnostic; otherwise quantizers settle where they are.
 */
export function propagate(context: PropagationContext): readonly Placement[] {
  const { view, demands } = context;
  const wishes = new Map(demands.byOperand);
  const placements: Placement[] = [];
  for (const node of view.graph.nodes.toReversed()) {
    const results = node.outputs.map((id) => readsOf(context, wishes, view.value(id)));
    const rise = demands.filter.activations(node) === undefined ? riseThrough(context, node, results.flat()) : undefined;
    for (const [operand, demand] of rise?.wishes ?? []) wishes.set(operandKey(operand), demand);
    const isTable = demands.byOperand.get(operandKey({ node, port: 0 }))?.group === 'weights' && view.info(node).trait === 'agnostic';
    placements.push(...(rise?.left ?? results.flatMap((reads) => settle(context, isTable ? reads.filter(needsCommonGrid) : reads))));
  }
  const roots = view.graph.values.filter(({ producer, kind }) => producer === undefined && kind !== 'constant');
  placements.push(...roots.flatMap((value) => settle(context, readsOf(context, wishes, value))));
  return placements;
}

/** What is looked up in a quantized table is rounded already, unless it must be on the grid of other tensors. */
function needsCommonGrid({ demand }: Read): boolean {
  return demand?.isUnified === true;
}

function readsOf({ view, outputDemand }: PropagationContext, wishes: ReadonlyMap<string, Demand>, value: GraphValue): readonly Read[] {
  const inside = view.readers(value).map((place) => ({ value, place, demand: wishes.get(operandKey(place)) }));
  const producer = view.producer(value);
  if (!view.isOutput(value) || producer === undefined) return inside;
  // The world outside reads an output as well, at no operand.
  const place: Place = { node: producer, port: value.output ?? 0, side: 'result' };
  return [...inside, { value, place, demand: isReal(value) ? outputDemand?.() : undefined }];
}

/** What rises through an agnostic node, and what stays below it. */
interface Rise {
  readonly wishes: readonly (readonly [Operand, Demand])[];
  readonly left: readonly Placement[];
}

function riseThrough(context: PropagationContext, node: GraphNode, reads: readonly Read[]): Rise | undefined {
  const { trait } = context.view.info(node);
  if (trait !== 'agnostic' && trait !== 'concat') return undefined;
  const merged = mergeReads(context, reads);
  const demand = merged === undefined ? undefined : demandAbove(context.view, node, merged.demand);
  const wishes = demand === undefined ? [] : carriedWishes(context, node, demand);
  if (merged === undefined || wishes.length === 0) return undefined;
  merged.join();
  return {
    wishes,
    left: merged.requantized.map(({ value, place, demand: own }) => ({ value, places: [place], demand: own, behind: merged.demand.unify })),
  };
}

interface MergedReads {
  readonly demand: Demand;
  /** Reads that this demand serves. */
  readonly served: readonly Wanted[];
  /** Reads with a quantizer of their own behind it. */
  readonly requantized: readonly Wanted[];
  /** Makes the quantizers of all that is served one. */
  join(): void;
}

/** One quantizer for all reads, if all of them want one and the rule lets them share it. */
function mergeReads({ rule, groups }: PropagationContext, reads: readonly Read[]): MergedReads | undefined {
  const wanted = reads.filter((read): read is Wanted => read.demand !== undefined);
  const merge =
    wanted.length === reads.length
      ? mergeDemands(
          rule,
          wanted.map(({ demand }) => demand),
        )
      : undefined;
  if (merge === undefined) return undefined;
  const { demand, requantized } = merge;
  const served = wanted.filter((_, i) => requantized[i] !== true);
  return {
    demand,
    served,
    requantized: wanted.filter((_, i) => requantized[i] === true),
    join: () => served.forEach((read) => groups.join(read.demand.unify, demand.unify)),
  };
}

function demandAbove(view: GraphView, node: GraphNode, demand: Demand): Demand | undefined {
  const mixes = view.info(node).trait === 'concat' && demand.axes.length > 0;
  const axes = mixes ? undefined : axesAbove(view, node, demand.axes);
  if (axes !== undefined) return { ...demand, axes };
  // A scale per channel is a refinement that weights can do without; activations keep it by staying where they are.
  return demand.group === 'weights' ? { ...demand, axes: [], scheme: { ...demand.scheme, perChannel: false } } : undefined;
}

/**
 * The wishes that a wish for the result becomes. All operands of a concatenation lie on one grid where a convolution or product with weights
 * needs that; elsewhere each has its own.
 */
function carriedWishes({ view, groups }: PropagationContext, node: GraphNode, demand: Demand): readonly (readonly [Operand, Demand])[] {
  const real = operandsOf(node).filter(({ port }) => isReal(view.value(node.inputs[port] ?? -1)));
  if (view.info(node).trait !== 'concat')
    return real
      .slice(0, 1)
      .filter(({ port }) => port === 0)
      .map((operand) => [operand, demand]);
  const isUnified = demand.isUnified || feedsWeights(view, node);
  return real.map((operand) => [operand, isUnified ? { ...demand, isUnified } : { ...demand, unify: groups.create() }]);
}

/** The quantizers of one value, which go no further up. */
function settle(context: PropagationContext, reads: readonly Read[]): readonly Placement[] {
  const merged = mergeReads(context, reads);
  if (merged === undefined) return apart(context, reads);
  const { demand, served, requantized } = merged;
  const [first] = served;
  if (first === undefined) return [];
  const places = requantized.length === 0 ? served.map(({ place }) => place) : resultOf(context.view, first.value);
  if (places.length === 0 || requantized.some(({ place }) => place.side === 'result')) return apart(context, reads);
  merged.join();
  const own = requantized.map(({ value, place, demand: each }) => ({ value, places: [place], demand: each, behind: demand.unify }));
  return [{ value: first.value, places: atResult(places), demand }, ...own];
}

/** At the result, where that is one of the places, a quantizer serves all. */
function atResult(places: readonly Place[]): readonly Place[] {
  const result = places.find(({ side }) => side === 'result');
  return result === undefined ? places : [result];
}

/** The place where a value is made, if something can be inserted there. */
export function resultOf(view: GraphView, value: GraphValue): readonly Place[] {
  const node = view.producer(value);
  return node !== undefined && isOpen(view, node, 'result') ? [{ node, port: value.output ?? 0, side: 'result' }] : [];
}

/** Quantizers of a value that cannot be one: equal ones are shared unless the rule has every reader keep its own. */
function apart({ rule, groups }: PropagationContext, reads: readonly Read[]): readonly Placement[] {
  const byKey = new Map<string, { readonly read: Wanted; readonly places: Place[] }>();
  for (const [index, read] of reads.entries()) {
    if (read.demand === undefined) continue;
    const key = rule === 'DO_NOT_MERGE_BRANCHES' && read.demand.group === 'activations' ? String(index) : demandKey(read.demand);
    const present = byKey.get(key) ?? { read: read as Wanted, places: [] };
    byKey.set(key, present);
    present.places.push(read.place);
    groups.join(read.demand.unify, present.read.demand.unify);
  }
  return [...byKey.values()].map(({ read: { value, demand }, places }) => ({ value, places: atResult(places), demand }));
}
