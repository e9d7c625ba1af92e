import type { OnnxNode } from '../../emit/onnx-graph.ts';
import { integerAttribute } from './attributes.ts';
import type { ChannelFlow, ChannelHandler, ChannelView } from './channel-flow.ts';
import { readPositions, sliceWeight, storedWeight, type StoredWeight } from './weight.ts';

/** A layer whose weight has an axis of channels that it reads and one of channels that it makes. */
interface Layer {
  readonly node: OnnxNode;
  readonly weight: StoredWeight;
  readonly readAxis: number;
  readonly makeAxis: number;
}

/** Reads the channels of the input where the weight is not zero. @returns false when they cannot be told apart */
function read(flow: ChannelFlow, { node, weight, readAxis }: Layer, axis: number): boolean {
  const view = flow.view(node.inputs[0]);
  const channels = view === undefined ? undefined : spread(view, weight.tensor.shape[readAxis] ?? 1);
  if (view === undefined) return true;
  if (channels === undefined || view.axis !== axis) return false;
  const isRead = readPositions(flow, weight, readAxis);
  flow.registry.keep(channels.filter((_, i) => isRead[i]));
  sliceWeight(flow, weight, readAxis, channels);
  return true;
}

/** The channel at each of `size` positions of a view's axis. */
function spread({ channels, flat }: ChannelView, size: number): readonly number[] | undefined {
  const places = size / channels.length;
  if (flat === undefined) return places === 1 ? channels : undefined;
  if (!Number.isInteger(places)) return undefined;
  if (flat === 'minor') return Array.from({ length: places }, () => channels).flat();
  return channels.flatMap((channel) => Array.from({ length: places }, () => channel));
}

/** New channels, one for each position of the weight's other axis; the bias has them too. */
function make(flow: ChannelFlow, { node, weight, makeAxis }: Layer): readonly number[] {
  const channels = flow.registry.create(weight.tensor.shape[makeAxis] ?? 1);
  sliceWeight(flow, weight, makeAxis, channels);
  sliceBias(flow, node, channels);
  return channels;
}

function sliceBias(flow: ChannelFlow, node: OnnxNode, channels: readonly number[]): void {
  if ((node.inputs[2] ?? '') === '') return;
  const bias = storedWeight(flow, node, 2);
  const axis = (bias?.tensor.shape.length ?? 0) - 1;
  if (bias?.tensor.shape[axis] === channels.length) sliceWeight(flow, bias, axis, channels);
  else if (bias?.tensor.data.length !== 1) flow.registry.keep(channels);
}

function windowed(readAxis: number, makeAxis: number): ChannelHandler {
  return (flow, node) => {
    const weight = storedWeight(flow, node, 1);
    if (weight === undefined) return undefined;
    if (integerAttribute(node, 'group', 1) !== 1) return depthwise(flow, node, weight);
    const layer = { node, weight, readAxis, makeAxis };
    if (!read(flow, layer, 1)) return undefined;
    return { channels: make(flow, layer), axis: 1, rank: weight.tensor.shape.length };
  };
}

/** One group for each channel: its filters are the channel. */
function depthwise(flow: ChannelFlow, node: OnnxNode, weight: StoredWeight): ChannelView | undefined {
  const view = flow.view(node.inputs[0]);
  const [filters = 1, depth = 1] = weight.tensor.shape;
  const group = integerAttribute(node, 'group', 1);
  if (view === undefined || node.op !== 'Conv' || depth !== 1 || view.flat !== undefined || view.channels.length !== group)
    return undefined;
  const channels = view.channels.flatMap((channel) => Array.from({ length: filters / group }, () => channel));
  sliceWeight(flow, weight, 0, channels);
  sliceBias(flow, node, channels);
  flow.groups.set(node, view.channels);
  return { ...view, channels };
}

/** `[out, in]` with `transB`, else `[in, out]`. */
const gemm: ChannelHandler = (flow, node) => {
  const weight = storedWeight(flow, node, 1);
  if (weight === undefined || integerAttribute(node, 'transA', 0) !== 0) return undefined;
  const readAxis = integerAttribute(node, 'transB', 0);
  const layer = { node, weight, readAxis, makeAxis: 1 - readAxis };
  return read(flow, layer, 1) ? { channels: make(flow, layer), axis: 1, rank: 2 } : undefined;
};

const matMul: ChannelHandler = (flow, node) => {
  const [view, weight] = [flow.view(node.inputs[0]), storedWeight(flow, node, 1)];
  if (view === undefined || weight?.tensor.shape.length !== 2) return undefined;
  const layer = { node, weight, readAxis: 0, makeAxis: 1 };
  return read(flow, layer, view.rank - 1) ? { channels: make(flow, layer), axis: view.rank - 1, rank: view.rank } : undefined;
};

/** Layers with trained weights. */
export const layerHandlers: Readonly<Record<string, ChannelHandler>> = {
  Conv: windowed(1, 0),
  ConvTranspose: windowed(0, 1),
  Gemm: gemm,
  MatMul: matMul,
};
