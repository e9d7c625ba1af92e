import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';
import { isNonNegative } from './non-negative.ts';
import { isZeroKeeping } from './zero-keeping.ts';

/** A border of zeros in front of a window operation. */
interface Border {
  readonly pad: OnnxNode;
  /** Widths on the spatial axes: all in front, then all behind. */
  readonly widths: readonly number[];
  /** The node that reads the border: the window operation, or the first node of a quantizer between the two. */
  readonly reader: OnnxNode;
}

/**
 * Lets convolutions and poolings pad by themselves instead of a `Pad` before them, also through a quantizer: zero stays
 * zero there. An explicit border costs a pass over memory, and keeps ONNX Runtime from joining the layer in front of it
 * with its quantizer.
 */
export function foldPad(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    if (!['Conv', 'MaxPool', 'AveragePool'].includes(node.op)) continue;
    const border = borderBefore(edit, node);
    if (border !== undefined && !edit.isTouched(border.pad) && canPad(edit, node, border)) apply(edit, node, border);
  }
  return edit.finish();
}

/**
 * A convolution pads with zeros. A maximum pads with nothing, which is the same where nothing is below zero, and each
 * window must reach beyond the border. A mean must not pad yet: its own padding does not count, the border does.
 */
function canPad(edit: GraphEdit, window: OnnxNode, { pad, widths }: Border): boolean {
  if (window.op === 'Conv') return true;
  const kernel = ints(window, 'kernel_shape');
  const own = ints(window, 'pads');
  const fits = widths.every((width, i) => width + (own[i] ?? 0) < (kernel[i % kernel.length] ?? 1));
  if (!fits) return false;
  return window.op === 'MaxPool' ? isNonNegative(edit, pad.inputs[0] ?? '') : own.every((width) => width === 0);
}

function borderBefore(edit: GraphEdit, window: OnnxNode): Border | undefined {
  let reader = window;
  for (;;) {
    const [value = ''] = reader.inputs;
    const producer = edit.uses.producer(value);
    if (producer === undefined || !edit.uses.isPrivate(value)) return undefined;
    if (producer.op === 'Pad') {
      const widths = spatialWidths(edit, producer);
      return widths === undefined ? undefined : { pad: producer, widths, reader };
    }
    if (!isZeroKeeping(edit, producer)) return undefined;
    reader = producer;
  }
}

/** Widths of a constant border of zeros around the spatial axes alone. */
function spatialWidths(edit: GraphEdit, pad: OnnxNode): readonly number[] | undefined {
  const mode = pad.attributes['mode'];
  const isConstant = mode === undefined || ('string' in mode && mode.string === 'constant');
  const isZero = pad.inputs[2] === undefined || edit.scalar(pad.inputs[2]) === 0;
  const all = edit.constant(pad.inputs[1]);
  if (!isConstant || !isZero || all === undefined) return undefined;
  const values = [...all.data];
  const rank = values.length / 2;
  const isSpatial = [0, 1, rank, rank + 1].every((i) => values[i] === 0) && values.every((value) => value >= 0);
  return isSpatial ? [...values.slice(2, rank), ...values.slice(rank + 2)] : undefined;
}

function apply(edit: GraphEdit, window: OnnxNode, { pad, widths, reader }: Border): void {
  const own = ints(window, 'pads');
  const counts = window.op === 'AveragePool' ? { count_include_pad: { int: 1 } } : {};
  const pads = { ints: widths.map((width, i) => width + (own[i] ?? 0)) };
  const [inner = ''] = pad.inputs;
  const [border = ''] = pad.outputs;
  const inputs = reader === window ? [inner, ...window.inputs.slice(1)] : window.inputs;
  edit.replace(window, [{ ...window, inputs, attributes: { ...window.attributes, ...counts, pads } }]);
  edit.bypass(pad, border, inner);
}

function ints({ attributes }: OnnxNode, key: string): readonly number[] {
  const value = attributes[key];
  return value !== undefined && 'ints' in value ? value.ints : [];
}
