import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import type { GraphEdit } from './graph-edit.ts';

/** What a node does to each channel: `x · gain + shift`. */
export interface Affine {
  readonly hasGain: boolean;
  gain(channel: number): number;
  shift(channel: number): number;
}

type Vector = (channel: number) => number;

/**
 * Reads a node as a factor and an offset for every channel.
 *
 * @param value the operand that the factor is applied to
 * @param rank of the tensor; its channels are axis 1
 * @returns undefined when the node does something else, or something that is not constant
 */
export function affineOf(edit: GraphEdit, node: OnnxNode, value: string, rank: number, channels: number): Affine | undefined {
  if (node.op === 'BatchNormalization') return batchNorm(edit, node);
  const [left = '', right = ''] = node.inputs;
  const other = left === value ? right : left;
  const vector = channelVector(edit.constant(other), rank, channels);
  if (vector === undefined) return undefined;
  if (node.op === 'Add') return { hasGain: false, gain: () => 1, shift: vector };
  if (node.op === 'Mul') return { hasGain: true, gain: vector, shift: () => 0 };
  if (node.op === 'Sub' && left === value) return { hasGain: false, gain: () => 1, shift: (c) => -vector(c) };
  return undefined;
}

function batchNorm(edit: GraphEdit, node: OnnxNode): Affine | undefined {
  const [scale, offset, mean, variance] = node.inputs.slice(1).map((name) => edit.constant(name)?.data);
  const epsilon = node.attributes['epsilon'];
  if (!scale || !offset || !mean || !variance || epsilon === undefined || !('float' in epsilon)) return undefined;
  const gain: Vector = (c) => (scale[c] ?? 1) / Math.sqrt((variance[c] ?? 1) + epsilon.float);
  return { hasGain: true, gain, shift: (c) => (offset[c] ?? 0) - (mean[c] ?? 0) * gain(c) };
}

/** A constant that is one for all, or one for each channel. */
function channelVector(constant: OnnxInitializer | undefined, rank: number, channels: number): Vector | undefined {
  if (constant?.type !== 'FLOAT' || constant.shape.length > rank) return undefined;
  const { data } = constant;
  if (data.length === 1) return () => data[0] ?? 0;
  const place = 1 - (rank - constant.shape.length);
  const isAlongChannels = data.length === channels && constant.shape[place] === channels;
  return isAlongChannels ? (c) => data[c] ?? 0 : undefined;
}
