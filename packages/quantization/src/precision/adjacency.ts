import type { GraphNode } from '@nncf/core';
import { multiplyAdds } from '../multiply-adds.ts';
import { operandsOf, type GraphView } from '../placement/graph-view.ts';
import { createGroups } from '../placement/groups.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';

/** The quantizer that an operand of a node has passed. */
export type QuantizerLookup = (node: GraphNode, port: number) => FakeQuantizer | undefined;

/** A convolution or product of quantized weights. */
export interface WeightedOperation {
  readonly weight: FakeQuantizer;
  /** Of the other factor; undefined in floating point. */
  readonly activation: FakeQuantizer | undefined;
  /** For one sample. */
  readonly multiplyAdds: number;
}

/** Quantizers that meet: those of activations which some operation reads together, and the weights that are multiplied with them. */
export interface AdjacentQuantizers {
  readonly weights: readonly FakeQuantizer[];
  readonly activations: readonly FakeQuantizer[];
}

/** Operations with quantized weights in execution order. */
export function weightedOperations(view: GraphView, lookup: QuantizerLookup): readonly WeightedOperation[] {
  return view.graph.nodes.flatMap((node) => {
    if (view.info(node).role !== 'linear') return [];
    const [a, b] = [lookup(node, 0), lookup(node, 1)];
    const weight = [b, a].find((quantizer) => quantizer?.isWeight === true);
    const activation = [a, b].find((quantizer) => quantizer?.isWeight === false);
    return weight === undefined ? [] : [{ weight, activation, multiplyAdds: multiplyAdds(view.graph, node) }];
  });
}

/** Groups of quantizers that meet at quantizable operations, directly or through others. */
export function adjacentQuantizers(view: GraphView, lookup: QuantizerLookup): readonly AdjacentQuantizers[] {
  const groups = createGroups();
  const names = new Map<FakeQuantizer, number>();
  const nameOf = (quantizer: FakeQuantizer): number => {
    const name = names.get(quantizer) ?? groups.create();
    names.set(quantizer, name);
    return name;
  };
  for (const node of view.graph.nodes.filter((each) => view.info(each).trait === 'quantizable')) {
    const [first, ...others] = operandsOf(node).flatMap(({ port }) => lookup(node, port) ?? []);
    if (first === undefined) continue;
    for (const other of others) groups.join(nameOf(other), nameOf(first));
    nameOf(first);
  }
  return collect(names, (name) => groups.rootOf(name));
}

function collect(names: ReadonlyMap<FakeQuantizer, number>, rootOf: (name: number) => number): readonly AdjacentQuantizers[] {
  const sets = new Map<number, FakeQuantizer[]>();
  for (const [quantizer, name] of names) sets.set(rootOf(name), [...(sets.get(rootOf(name)) ?? []), quantizer]);
  return [...sets.values()].map((set) => ({
    weights: set.filter(({ isWeight }) => isWeight),
    activations: set.filter(({ isWeight }) => !isWeight),
  }));
}
