import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/**
 * Writes GELU, x·(½·(1 + erf …)), as (x·(1 + erf …))·½, the order that ONNX Runtime knows it by. A factor of ½ loses nothing
 * wherever it stands.
 */
export function orderGelu(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const sum = node.op === 'Erf' ? onlyReader(edit, node, 'Add') : undefined;
    const half = sum && onlyReader(edit, sum, 'Mul');
    const product = half && onlyReader(edit, half, 'Mul');
    if (sum !== undefined && half !== undefined && product !== undefined) reorder(edit, sum, half, product);
  }
  return edit.finish();
}

function reorder(edit: GraphEdit, sum: OnnxNode, half: OnnxNode, product: OnnxNode): void {
  const factor = half.inputs.find((name) => edit.scalar(name) === 0.5);
  const x = product.inputs.find((name) => !half.outputs.includes(name));
  if (factor === undefined || x === undefined) return;
  edit.replace(half, []);
  edit.replace(product, [
    { ...half, inputs: [x, sum.outputs[0] ?? ''] },
    { ...product, inputs: [half.outputs[0] ?? '', factor] },
  ]);
}

function onlyReader(edit: GraphEdit, { outputs }: OnnxNode, op: string): OnnxNode | undefined {
  const [value = ''] = outputs;
  const [reader] = edit.uses.consumers(value);
  return edit.uses.isPrivate(value) && reader?.op === op ? reader : undefined;
}
