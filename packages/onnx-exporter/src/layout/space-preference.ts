import type { GraphNode, ModelGraph } from '@nncf/core';
import type { OnnxNodeMapping } from '../node-mapping.ts';

/**
 * Finds the values that are best brought into channels-first layout as early as possible: those that a convolution, or
 * its kind, reads directly or through operations that work in any layout. Walks the graph once, backwards.
 *
 * @returns ids of the values
 */
export function spacePreference(graph: ModelGraph, mappingOf: (node: GraphNode) => OnnxNodeMapping | undefined): ReadonlySet<number> {
  const wanted = new Set<number>();
  for (const node of graph.nodes.toReversed())
    for (const id of node.inputs) if (isWantedInSpace(graph, node, id, mappingOf(node), wanted)) wanted.add(id);
  return wanted;
}

function isWantedInSpace(
  graph: ModelGraph,
  node: GraphNode,
  id: number,
  mapping: OnnxNodeMapping | undefined,
  wanted: ReadonlySet<number>,
): boolean {
  if (mapping?.layout === 'channels-first') return id === node.inputs[0];
  if (mapping?.layout !== 'any') return false;
  const rank = graph.values[id]?.shape.length;
  return node.outputs.some((out) => wanted.has(out) && graph.values[out]?.shape.length === rank);
}
