import type { OnnxInitializer, OnnxNode } from '../../emit/onnx-graph.ts';
import { integerAttribute } from './attributes.ts';
import type { ChannelFlow } from './channel-flow.ts';

/** A stored weight, behind a `DequantizeLinear` or a `FakeQuantize` if it has one. */
export interface StoredWeight {
  /** Node that reads the stored tensor. */
  readonly holder: OnnxNode;
  readonly port: number;
  readonly tensor: OnnxInitializer;
}

/** The weight at an operand of a node; undefined when the file computes it. */
export function storedWeight(flow: ChannelFlow, node: OnnxNode, port: number): StoredWeight | undefined {
  const name = node.inputs[port] ?? '';
  const own = flow.constant(name);
  if (own !== undefined) return { holder: node, port, tensor: own };
  const holder = flow.producer(name);
  const tensor = flow.constant(holder?.inputs[0]);
  const isGrid = holder !== undefined && ['DequantizeLinear', 'FakeQuantize'].includes(holder.op);
  return isGrid && tensor !== undefined ? { holder, port: 0, tensor } : undefined;
}

/** Says which channels an axis of a weight belongs to, and so do the parameters of its grid along that axis. */
export function sliceWeight(flow: ChannelFlow, { holder, port, tensor }: StoredWeight, axis: number, channels: readonly number[]): void {
  flow.slice({ node: holder, port, axis, channels });
  if (holder.op === 'FakeQuantize') sliceBounds(flow, holder, axis, tensor.shape.length, channels);
  if (holder.op !== 'DequantizeLinear' || integerAttribute(holder, 'axis', 1) !== axis) return;
  for (const parameter of [1, 2]) {
    if ((flow.constant(holder.inputs[parameter])?.data.length ?? 1) > 1) flow.slice({ node: holder, port: parameter, axis: 0, channels });
  }
}

/** Bounds of a `FakeQuantize` broadcast against the tensor, from the last axis on. */
export function sliceBounds(flow: ChannelFlow, node: OnnxNode, axis: number, rank: number, channels: readonly number[]): void {
  for (const port of [1, 2, 3, 4]) {
    const shape = flow.constant(node.inputs[port])?.shape ?? [];
    const own = axis - rank + shape.length;
    if ((shape[own] ?? 1) > 1) flow.slice({ node, port, axis: own, channels });
  }
}

/** For every position of an axis, whether any weight there is not zero. */
export function readPositions(flow: ChannelFlow, { holder, tensor }: StoredWeight, axis: number): boolean[] {
  const { data, shape } = tensor;
  const zeroAt = zeroOf(flow, holder, shape);
  const [size, inner] = [shape[axis] ?? 1, innerSize(shape, axis)];
  const read = Array.from({ length: size }, () => false);
  for (let i = 0; i < data.length; i++) if (data[i] !== zeroAt(i)) read[Math.floor(i / inner) % size] = true;
  return read;
}

/** The integer that stands for zero at each element. */
function zeroOf(flow: ChannelFlow, holder: OnnxNode, shape: readonly number[]): (index: number) => number {
  const zeros = holder.op === 'DequantizeLinear' ? flow.constant(holder.inputs[2])?.data : undefined;
  if (zeros === undefined) return () => 0;
  const axis = integerAttribute(holder, 'axis', 1);
  const [size, inner] = [shape[axis] ?? 1, innerSize(shape, axis)];
  return (index) => (zeros.length === 1 ? zeros[0] : zeros[Math.floor(index / inner) % size]) ?? 0;
}

function innerSize(shape: readonly number[], axis: number): number {
  return shape.slice(axis + 1).reduce((product, size) => product * size, 1);
}
