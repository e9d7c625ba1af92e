import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** The operand that changes nothing; on which side it may stand. */
const NEUTRAL: Readonly<Record<string, { readonly value: number; readonly eitherSide: boolean }>> = {
  Add: { value: 0, eitherSide: true },
  Div: { value: 1, eitherSide: false },
  Mul: { value: 1, eitherSide: true },
  Sub: { value: 0, eitherSide: false },
};

/** Removes additions of 0 and multiplications by 1, which Keras activations are full of. */
export function dropNeutral(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) {
    const [output = ''] = node.outputs;
    const kept = keptOperand(edit, node);
    if (kept !== undefined && !outputs.has(output)) edit.bypass(node, output, kept);
  }
  return edit.finish();
}

function keptOperand(edit: GraphEdit, { op, inputs }: OnnxNode): string | undefined {
  const rule = NEUTRAL[op];
  if (rule === undefined) return undefined;
  if (edit.scalar(inputs[1]) === rule.value) return inputs[0];
  return rule.eitherSide && edit.scalar(inputs[0]) === rule.value ? inputs[1] : undefined;
}
