import type { TypedArray } from '@nncf/core';
import type { OnnxInitializer, OnnxNode } from '../../emit/onnx-graph.ts';
import type { GraphEdit } from '../graph-edit.ts';
import type { ChannelFlow, ChannelSlice } from './channel-flow.ts';

/** Every layer keeps a channel, so that no tensor is empty. */
export function keepOneEach({ registry, slices }: ChannelFlow): void {
  for (const { channels } of slices) {
    if (!channels.some((channel) => registry.isKept(channel))) registry.keep(channels.slice(0, 1));
  }
}

/**
 * Takes the channels that nothing reads out of every stored tensor.
 *
 * @returns whether there were any
 */
export function shrink(edit: GraphEdit, flow: ChannelFlow): boolean {
  const isKept = (channel: number): boolean => flow.registry.isKept(channel);
  const shrinking = flow.slices.filter(({ channels }) => !channels.every(isKept));
  const byNode = new Map<OnnxNode, ChannelSlice[]>();
  for (const slice of shrinking) byNode.set(slice.node, [...(byNode.get(slice.node) ?? []), slice]);
  for (const [node, channels] of [...flow.groups, ...flow.reshapes]) if (!channels.every(isKept) && !byNode.has(node)) byNode.set(node, []);
  for (const [node, slices] of byNode) edit.replace(node, [shrunk(edit, flow, node, slices)]);
  return byNode.size > 0;
}

function shrunk(edit: GraphEdit, flow: ChannelFlow, node: OnnxNode, slices: readonly ChannelSlice[]): OnnxNode {
  const kept = (channels: readonly number[]): number => channels.filter((channel) => flow.registry.isKept(channel)).length;
  const inputs = node.inputs.map((name, port) =>
    storeParts(
      edit,
      flow,
      name,
      slices.filter((slice) => slice.port === port),
    ),
  );
  const [group, row] = [flow.groups.get(node), flow.reshapes.get(node)];
  if (row !== undefined) inputs[1] = storeRow(edit, inputs[1] ?? '', row.length, kept(row));
  return { ...node, inputs, attributes: group === undefined ? node.attributes : { ...node.attributes, group: { int: kept(group) } } };
}

function storeParts(edit: GraphEdit, flow: ChannelFlow, name: string, slices: readonly ChannelSlice[]): string {
  const tensor = edit.constant(name);
  if (tensor === undefined || slices.length === 0) return name;
  const { shape, data } = slices.reduce<Pick<OnnxInitializer, 'shape' | 'data'>>(
    (rest, { axis, channels }) =>
      parts(
        rest,
        axis,
        channels.map((channel) => flow.registry.isKept(channel)),
      ),
    tensor,
  );
  return edit.store(`${name}/kept`, tensor.type, shape, data);
}

/** A reshape to rows of a new length. */
function storeRow(edit: GraphEdit, name: string, before: number, after: number): string {
  const [batch = -1, row = -1] = edit.constant(name)?.data ?? [];
  return row < 0 ? name : edit.store(`${name}/kept`, 'INT64', [2], Int32Array.of(batch, (row / before) * after));
}

/** The positions of an axis that are kept. */
function parts(
  { shape, data }: Pick<OnnxInitializer, 'shape' | 'data'>,
  axis: number,
  kept: readonly boolean[],
): { shape: number[]; data: TypedArray } {
  const size = kept.length;
  const inner = shape.slice(axis + 1).reduce((product, each) => product * each, 1);
  const count = kept.filter(Boolean).length;
  const left = data.slice(0, (data.length / size) * count);
  let to = 0;
  for (let from = 0; from < data.length; from += inner) {
    if (kept[(from / inner) % size] !== true) continue;
    left.set(data.subarray(from, from + inner), to);
    to += inner;
  }
  return { shape: shape.map((each, i) => (i === axis ? count : each)), data: left };
}
