import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** Removes nodes that compute what a node before them computes from the same operands. */
export function dropDuplicates(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const first = new Map<string, OnnxNode>();
  for (const node of graph.nodes) {
    const key = JSON.stringify([node.op, node.domain, node.inputs.map((input) => edit.nameOf(input)), node.attributes]);
    const twin = first.get(key);
    if (twin === undefined) first.set(key, node);
    else if (node.outputs.length === 1 && !outputs.has(node.outputs[0] ?? ''))
      edit.bypass(node, node.outputs[0] ?? '', twin.outputs[0] ?? '');
  }
  return edit.finish();
}
