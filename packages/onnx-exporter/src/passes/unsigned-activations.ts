import type { OnnxGraph, OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';
import { readersOf } from './moving.ts';

/** From a signed to an unsigned integer of 8 bits. */
const OFFSET = 128;

/**
 * Writes quantized activations as unsigned integers: the same grid, with all integers and the zero point higher by 128. ONNX
 * Runtime runs a layer on integers only when what goes in and what comes out are of one type, and on x86 wants that to be the
 * unsigned one. Operands of a product of two activations stay signed: ONNX Runtime takes them too, and OpenVINO would have to
 * subtract the zero points first.
 */
export function unsignedActivations(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const zero = signedZero(edit, node);
    if (node.op !== 'QuantizeLinear' || zero === undefined) continue;
    const readers = edit.uses.consumers(node.outputs[0] ?? '');
    if (!readers.every((reader) => canBeUnsigned(edit, reader))) continue;
    const name = raised(edit, zero);
    for (const each of [node, ...readers]) edit.replace(each, [{ ...each, inputs: [...each.inputs.slice(0, 2), name] }]);
  }
  return edit.finish();
}

function canBeUnsigned(edit: GraphEdit, reader: OnnxNode): boolean {
  if (reader.op !== 'DequantizeLinear' || signedZero(edit, reader) === undefined) return false;
  return readersOf(edit, reader.outputs[0]).every(({ op }) => op !== 'MatMul');
}

function signedZero(edit: GraphEdit, { inputs }: OnnxNode): OnnxInitializer | undefined {
  const zero = edit.constant(inputs[2]);
  return zero?.type === 'INT8' ? zero : undefined;
}

function raised(edit: GraphEdit, { name, shape, data }: OnnxInitializer): string {
  const unsigned = `${name}/unsigned`;
  if (edit.constant(unsigned) !== undefined) return unsigned;
  return edit.store(
    unsigned,
    'UINT8',
    shape,
    Int32Array.from(data, (value) => value + OFFSET),
  );
}
