import type { GraphNode } from '@nncf/core';
import type { GraphView } from './graph-view.ts';

/** Axes of a node's weights along which every position has a scale of its own, counted from 0. */
export function weightChannelAxes(view: GraphView, node: GraphNode, port: number): readonly number[] {
  const rank = view.value(node.inputs[port] ?? -1).traceShape.length;
  const fromEnd = node.op === 'MatMul' ? [productChannelAxis(node, port)] : (view.info(node).weights?.channelAxes ?? []);
  return fromEnd.map((axis) => axis + rank);
}

/** The axis of a factor that survives the product: columns of the second, rows of the first, the other way round where transposed. */
function productChannelAxis(node: GraphNode, port: number): number {
  const transposed = node.attrs[port === 0 ? 'transposeA' : 'transposeB'] === true;
  return (port === 0) === transposed ? -1 : -2;
}

/**
 * The channel axes of an agnostic node's operand that become `axes` of its result; undefined where they do not stay in one piece.
 */
export function axesAbove(view: GraphView, node: GraphNode, axes: readonly number[]): readonly number[] | undefined {
  if (axes.length === 0) return [];
  const before = view.value(node.inputs[0] ?? -1).traceShape;
  const after = view.value(node.outputs[0] ?? -1).traceShape;
  if (node.op === 'Transpose') return throughTranspose(node, axes);
  if (['Reshape', 'ExpandDims', 'Squeeze'].includes(node.op)) return throughReshape(before, after, axes);
  const sameChannels = before.length === after.length && axes.every((axis) => before[axis] === after[axis]);
  return view.info(node).keepsChannels === true && sameChannels ? axes : undefined;
}

function throughTranspose(node: GraphNode, axes: readonly number[]): readonly number[] | undefined {
  const { perm } = node.attrs;
  if (!Array.isArray(perm)) return undefined;
  return axes.map((axis) => Number(perm[axis])).toSorted((a, b) => a - b);
}

/** An axis survives a reshape when the sizes from it to the end are the same before and after. */
function throughReshape(before: readonly number[], after: readonly number[], axes: readonly number[]): readonly number[] | undefined {
  const moved = axes.map((axis) => axis - after.length + before.length);
  const first = Math.min(...axes);
  const tail = after.slice(first);
  const survives = tail.length <= before.length && tail.every((size, i) => size === before[before.length - tail.length + i]);
  return survives ? moved : undefined;
}
