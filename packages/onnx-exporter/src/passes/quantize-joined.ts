import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';
import { makerOf } from './moving.ts';

/**
 * Quantizes a concatenation again when all its parts are on one grid. Values on a grid stay where they are; ONNX Runtime joins
 * integers, and runs what reads them on integers, only when it finds a quantizer behind the concatenation too.
 */
export function quantizeJoined(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const grid = node.op === 'Concat' ? commonGrid(edit, node) : undefined;
    if (grid !== undefined && isReadUnquantized(edit, node)) edit.replace(node, withQuantizer(node, grid));
  }
  return edit.finish();
}

/** Names of the scale and zero point that all parts share. */
function commonGrid(edit: GraphEdit, { inputs }: OnnxNode): readonly string[] | undefined {
  const makers = inputs.map((input) => makerOf(edit, input));
  const [scale = '', zero = ''] = makers[0]?.inputs.slice(1) ?? [];
  const isShared = makers.every((maker) => maker?.op === 'DequantizeLinear' && maker.inputs[1] === scale && maker.inputs[2] === zero);
  return isShared && edit.scalar(scale) !== undefined && edit.scalar(zero) !== undefined ? [scale, zero] : undefined;
}

function isReadUnquantized(edit: GraphEdit, { outputs }: OnnxNode): boolean {
  return edit.uses.consumers(outputs[0] ?? '').some(({ op }) => op !== 'QuantizeLinear');
}

function withQuantizer(node: OnnxNode, grid: readonly string[]): readonly OnnxNode[] {
  const [output = ''] = node.outputs;
  const [joined, integers] = [`${output}/joined`, `${output}/integers`];
  const step = (op: string, input: string, result: string): OnnxNode => ({
    name: `${node.name}/${op}`,
    op,
    domain: '',
    inputs: [input, ...grid],
    outputs: [result],
    attributes: {},
  });
  return [{ ...node, outputs: [joined] }, step('QuantizeLinear', joined, integers), step('DequantizeLinear', integers, output)];
}
