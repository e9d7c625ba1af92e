import { operandsOf } from '../placement/graph-view.ts';
import { adjacentQuantizers } from '../precision/adjacency.ts';
import type { FakeQuantizer } from '../quantizers/fake-quantizer.ts';
import { quantizerLookup, type StatisticsSource } from '../statistics.ts';

/** Quantizers that only together let operations compute in floating point again, and those operations. */
export interface OperationGroup {
  /** Addresses in execution order. */
  readonly operations: readonly string[];
  readonly quantizers: readonly FakeQuantizer[];
}

/**
 * Operations whose inputs share quantizers, directly or through others. To give back one quantizer of such a group alone would leave an operation
 * with one input in integers and one in floating point.
 */
export function operationGroups(source: StatisticsSource): readonly OperationGroup[] {
  const { view } = source;
  const lookup = quantizerLookup(source);
  const groups = adjacentQuantizers(view, lookup).map(({ weights, activations }) => new Set([...weights, ...activations]));
  const operations = view.graph.nodes.filter((node) => view.info(node).trait === 'quantizable');
  const reads = operations.map((node) => ({ node, quantizers: operandsOf(node).map(({ port }) => lookup(node, port)) }));
  return groups.map((group) => ({
    operations: reads.flatMap(({ node, quantizers }) => (quantizers.some((each) => each && group.has(each)) ? [node.name] : [])),
    quantizers: [...group],
  }));
}
