import type { OnnxGraph, OnnxNode } from '../emit/onnx-graph.ts';
import { GraphEdit } from './graph-edit.ts';

/** The smallest normal number of single precision: a border of it is a border of zeros to any accuracy. */
const ALMOST_ZERO = 2 ** -126;

const POOLINGS: readonly string[] = ['MaxPool', 'AveragePool'];

/**
 * Makes a border of zeros before a pooling one of almost zeros. ONNX Runtime up to 1.30 takes any zero border into the pooling
 * behind it, where it no longer takes part in the maximum: wrong wherever values are below zero, and refused
 * where the border is as wide as the window. {@link foldPad} has folded the
 * borders for which that is right.
 */
export function shieldPool(graph: OnnxGraph): OnnxGraph {
  const edit = new GraphEdit(graph);
  for (const node of graph.nodes) {
    const pad = edit.uses.producer(node.inputs[0] ?? '');
    if (POOLINGS.includes(node.op) && pad !== undefined && isZeroBorder(edit, pad)) edit.replace(pad, [shielded(edit, pad)]);
  }
  return edit.finish();
}

function isZeroBorder(edit: GraphEdit, { op, inputs }: OnnxNode): boolean {
  return op === 'Pad' && (inputs[2] === undefined || edit.scalar(inputs[2]) === 0);
}

function shielded(edit: GraphEdit, pad: OnnxNode): OnnxNode {
  return { ...pad, inputs: [...pad.inputs.slice(0, 2), edit.storeScalar(ALMOST_ZERO)] };
}
