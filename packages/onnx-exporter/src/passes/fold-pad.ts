import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** A border of zeros that a convolution reads, and the nodes between the two. */
interface PaddedInput {
  readonly pad: OnnxNode;
  /** Borders of the spatial axes: all in front, then all behind. */
  readonly pads: readonly number[];
  /** The node whose input the border is. */
  readonly reader: OnnxNode;
}

/**
 * Lets a convolution pad by itself instead of a `Pad` before it, also through a quantizer: zero stays zero there. An
 * explicit border costs a pass over memory, and keeps runtimes from running the convolution on integers.
 */
export function foldPad(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    if (node.op !== 'Conv') continue;
    const padded = paddedInput(edit, node);
    if (padded !== undefined && !edit.isTouched(padded.pad)) apply(edit, node, padded);
  }
  return edit.finish();
}

function paddedInput(edit: GraphEdit, conv: OnnxNode): PaddedInput | undefined {
  let reader = conv;
  for (;;) {
    const [value = ''] = reader.inputs;
    const producer = edit.uses.producer(value);
    if (producer === undefined || !edit.uses.isPrivate(value)) return undefined;
    if (producer.op === 'Pad') {
      const pads = spatialPads(edit, producer);
      return pads === undefined ? undefined : { pad: producer, pads, reader };
    }
    if (!isGrid(edit, producer)) return undefined;
    reader = producer;
  }
}

/** Quantization per tensor; per channel it would still map zero to zero, but nobody writes it for activations. */
function isGrid(edit: GraphEdit, { op, inputs }: OnnxNode): boolean {
  return (op === 'QuantizeLinear' || op === 'DequantizeLinear') && edit.scalar(inputs[1]) !== undefined;
}

function spatialPads(edit: GraphEdit, pad: OnnxNode): readonly number[] | undefined {
  const mode = pad.attributes['mode'];
  const isConstant = mode === undefined || ('string' in mode && mode.string === 'constant');
  const isZero = pad.inputs[2] === undefined || edit.scalar(pad.inputs[2]) === 0;
  const all = edit.constant(pad.inputs[1]);
  if (!isConstant || !isZero || all === undefined) return undefined;
  const values = [...all.data];
  const rank = values.length / 2;
  const outside = [0, 1, rank, rank + 1].some((i) => values[i] !== 0);
  const isNegative = values.some((value) => value < 0);
  return outside || isNegative ? undefined : [...values.slice(2, rank), ...values.slice(rank + 2)];
}

function apply(edit: GraphEdit, conv: OnnxNode, { pad, pads, reader }: PaddedInput): void {
  const own = conv.attributes['pads'];
  const present = own !== undefined && 'ints' in own ? own.ints : [];
  const sum = pads.map((value, i) => value + (present[i] ?? 0));
  const widened = { ...conv, attributes: { ...conv.attributes, pads: { ints: sum } } };
  const [inner = ''] = pad.inputs;
  const [border = ''] = pad.outputs;
  if (reader === conv) edit.replace(conv, [{ ...widened, inputs: [inner, ...conv.inputs.slice(1)] }]);
  else edit.replace(conv, [widened]);
  edit.bypass(pad, border, inner);
}
