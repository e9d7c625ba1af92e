import type { GraphNode, ModelGraph } from '@nncf/core';

/** Nodes that the model's outputs depend on, in execution order. */
export function liveNodes(graph: ModelGraph): readonly GraphNode[] {
  const needed = new Set(graph.outputs);
  const live = graph.nodes.toReversed().filter((node) => {
    const isLive = node.outputs.some((id) => needed.has(id));
    if (isLive) for (const id of node.inputs) needed.add(id);
    return isLive;
  });
  return live.toReversed();
}
