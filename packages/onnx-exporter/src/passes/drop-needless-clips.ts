import type { OnnxGraph, OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** Lowest and highest integer that a quantizer writes. */
const LIMITS: Readonly<Partial<Record<OnnxInitializer['type'], readonly [number, number]>>> = {
  UINT8: [0, 255],
  INT8: [-128, 127],
  UINT16: [0, 65_535],
  INT16: [-32_768, 32_767],
};

/**
 * Takes out a clip between numbers that every reader rounds to the ends of its grid anyway. ONNX Runtime does so too, but 1.30 refuses a model whose
 * grid ends exactly where the clip does ("two nodes with same node name").
 */
export function dropNeedlessClips(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes.filter(({ op }) => op === 'Clip')) {
    const [input = '', low, high] = node.inputs;
    const [output = ''] = node.outputs;
    const bounds = [edit.scalar(low), edit.scalar(high)] as const;
    const readers = edit.uses.consumers(output);
    const isRead = readers.length > 0 && graph.outputs.every(({ name }) => name !== output);
    if (isRead && readers.every((reader) => cutsAnyway(edit, reader, bounds))) edit.bypass(node, output, input);
  }
  return edit.finish();
}

function cutsAnyway(edit: GraphEdit, { op, inputs }: OnnxNode, [low, high]: readonly [number | undefined, number | undefined]): boolean {
  const [, scaleName, zeroName] = inputs;
  const [scale, zero] = [edit.scalar(scaleName), edit.constant(zeroName)];
  const limits = zero === undefined ? undefined : LIMITS[zero.type];
  if (op !== 'QuantizeLinear' || scale === undefined || limits === undefined || zero?.data.length !== 1) return false;
  const integer = (value: number): number => Math.round(value / scale) + (zero.data[0] ?? 0);
  return (low === undefined || integer(low) <= limits[0]) && (high === undefined || integer(high) >= limits[1]);
}
