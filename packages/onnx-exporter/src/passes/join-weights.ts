import type { TypedArray } from '@nncf/core';
import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { emptyLike } from '../layout/transpose-data.ts';
import { copyOf, type ScaledWeight } from './channel-gain.ts';
import type { GraphEdit } from './graph-edit.ts';

/**
 * Joins the weights of equal convolutions along their output channels: stored weights, or weights on grids of one kind.
 *
 * @returns undefined when they are of different kinds
 */
export function joinWeights(edit: GraphEdit, weights: readonly string[]): ScaledWeight | undefined {
  const stored = weights.map((weight) => edit.constant(weight));
  if (isComplete(stored)) return { name: join(edit, stored), nodes: [] };
  const nodes = weights.map((weight) => edit.uses.producer(weight));
  return isComplete(nodes) ? joinGrids(edit, nodes) : undefined;
}

function isComplete<T>(list: readonly (T | undefined)[]): list is readonly T[] {
  return list.every((item) => item !== undefined);
}

function joinGrids(edit: GraphEdit, nodes: readonly OnnxNode[]): ScaledWeight | undefined {
  const [first] = nodes;
  const isGrid = first !== undefined && (first.op === 'DequantizeLinear' || first.op === 'FakeQuantize');
  if (!isGrid || !nodes.every((node) => isAlike(node, first))) return undefined;
  const operands = first.inputs.map((_, port) => nodes.map(({ inputs }) => edit.constant(inputs[port])));
  if (!operands.every(isComplete)) return undefined;
  const [contents, ...parameters] = operands as readonly (readonly OnnxInitializer[])[];
  if (contents === undefined) return undefined;
  const rank = first.op === 'FakeQuantize' ? (contents[0]?.shape.length ?? 1) : 1;
  const spread = parameters.map((list) => list.map((parameter, i) => perChannel(parameter, contents[i]?.shape[0] ?? 1, rank)));
  if (!spread.every(isComplete)) return undefined;
  const inputs = [contents, ...(spread as readonly (readonly OnnxInitializer[])[])].map((list) => join(edit, list));
  return copyOf(first, inputs, first.op === 'DequantizeLinear' ? { axis: { int: 0 } } : {});
}

function isAlike(node: OnnxNode, first: OnnxNode): boolean {
  return (
    node.op === first.op &&
    node.inputs.length === first.inputs.length &&
    JSON.stringify(node.attributes) === JSON.stringify(first.attributes)
  );
}

/** A parameter with one value for each of the weight's output channels; undefined when it runs along another axis. */
function perChannel(parameter: OnnxInitializer, channels: number, rank: number): OnnxInitializer | undefined {
  const { data, shape } = parameter;
  const wanted = [channels, ...Array.from({ length: rank - 1 }, () => 1)];
  if (data.length === 1) return { ...parameter, shape: wanted, data: emptyLike(data, channels).fill(data[0] ?? 0) };
  return data.length === channels && shape[0] === channels ? { ...parameter, shape: wanted } : undefined;
}

/** Stores tensors of one shape joined along the first axis. */
function join(edit: GraphEdit, parts: readonly OnnxInitializer[]): string {
  const [first] = parts as readonly [OnnxInitializer];
  const data: TypedArray = emptyLike(
    first.data,
    parts.reduce((length, part) => length + part.data.length, 0),
  );
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 1), 0);
  return edit.store(`${first.name}/joined`, first.type, [rows, ...first.shape.slice(1)], data);
}
