import type { GraphEdit } from './graph-edit.ts';
import type { OnnxNode } from '../emit/onnx-graph.ts';

/** Operations that keep elements as they are. */
const MOVING: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze']);

/** The node that makes a value, operations that only move its elements left out. */
export function makerOf(edit: GraphEdit, value: string | undefined): OnnxNode | undefined {
  const node = edit.uses.producer(value ?? '');
  return node !== undefined && MOVING.has(node.op) ? makerOf(edit, node.inputs[0]) : node;
}

/** The nodes that read a value, directly or behind operations that only move its elements. */
export function readersOf(edit: GraphEdit, value: string | undefined): readonly OnnxNode[] {
  return edit.uses.consumers(value ?? '').flatMap((node) => (MOVING.has(node.op) ? readersOf(edit, node.outputs[0]) : [node]));
}
