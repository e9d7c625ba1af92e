import type { OnnxNode } from '../emit/onnx-graph.ts';
import type { GraphEdit } from './graph-edit.ts';

/**
 * Whether a node quantizes a whole tensor by one grid that has zero on it, or compares it with limits that zero does not exceed: it may change places
 * with a border of zeros.
 */
export function isZeroKeeping(edit: GraphEdit, node: OnnxNode): boolean {
  const { op, inputs } = node;
  if (op === 'QuantizeLinear' || op === 'DequantizeLinear') return onlyElement(edit, inputs[1]) !== undefined;
  return op === 'FakeQuantize' && (isThreshold(edit, node) || Math.abs(quantizedZero(edit, node)) < 1e-6);
}

/** Whether the input range is but a limit for each channel, not below zero, and what does not exceed it becomes zero. */
function isThreshold(edit: GraphEdit, { inputs }: OnnxNode): boolean {
  const [, low, high, bottom] = inputs;
  const limits = edit.constant(low)?.data;
  return low === high && limits?.every((limit: number) => limit >= 0) === true && onlyElement(edit, bottom) === 0;
}

/** What a `FakeQuantize` makes of zero, in units of its output range; NaN when its ranges are not one for all. */
function quantizedZero(edit: GraphEdit, { inputs, attributes }: OnnxNode): number {
  const levels = attributes['levels'];
  const steps = levels !== undefined && 'int' in levels ? levels.int - 1 : Number.NaN;
  const [low, high, bottom, top] = inputs.slice(1).map((name) => onlyElement(edit, name) ?? Number.NaN) as [number, number, number, number];
  if (!(low <= 0 && high >= 0 && low < high)) return Number.NaN;
  const position = Math.round((-low / (high - low)) * steps) / steps;
  return position + bottom / (top - bottom);
}

/** The one element of a stored tensor. */
function onlyElement(edit: GraphEdit, name: string | undefined): number | undefined {
  const data = edit.constant(name)?.data;
  return data?.length === 1 ? data[0] : undefined;
}
