import type { OnnxDataType, TypedArray } from '@nncf/core';
import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { channelRuns, copyOf, parameterAt, type ChannelGain, type ScaledWeight } from './channel-gain.ts';
import type { GraphEdit } from './graph-edit.ts';

/** Smallest scale that is kept: below it a channel is as good as zero, and a scale of zero is not allowed. */
const SMALLEST_SCALE = 2 ** -126;

/**
 * Multiplies integer weights by a factor for every channel through their scales. The integers stay as they are, except
 * in channels with a negative factor, where they change sign, and with a factor of 0, where they become zero.
 *
 * @returns undefined when the scales run along another axis, or when an integer around zero has no mirror image (−128): a
 * zero point would give it one, but with that the runtimes compute in floating point
 */
export function scaleDequantized(
  edit: GraphEdit,
  node: OnnxNode,
  integers: OnnxInitializer,
  channels: ChannelGain,
): ScaledWeight | undefined {
  const scale = edit.constant(node.inputs[1]);
  const zero = edit.constant(node.inputs[2]);
  if (scale === undefined || !isAlong(node, scale, channels.axis)) return undefined;
  const scales = channels.gain.map((gain, c) => Math.abs(gain) * parameterAt(scale, c));
  const signs = channels.gain.map((gain, c) => ((scales[c] ?? 0) < SMALLEST_SCALE ? 0 : Math.sign(gain)));
  const mirrored = applySigns(integers, zero, signs, channels);
  if (mirrored !== undefined && isCentred(zero) && mirrored.zeros.some((value) => value !== 0)) return undefined;
  const count = [channels.gain.length];
  const kept = scales.map((value, c) => (signs[c] === 0 ? parameterAt(scale, c) : value));
  const inputs = [
    mirrored === undefined ? integers.name : edit.store(`${integers.name}/signed`, integers.type, integers.shape, mirrored.data),
    edit.store(`${scale.name}/scaled`, 'FLOAT', count, kept),
    ...(zero === undefined ? [] : [edit.store(zero.name, zero.type, count, mirrored?.zeros ?? zeroPoints(zero, channels))]),
  ];
  return copyOf(node, inputs, { axis: { int: channels.axis } });
}

/** Whether the scale is one for all, or one for each channel of the axis. */
function isAlong({ attributes }: OnnxNode, { data }: OnnxInitializer, axis: number): boolean {
  const own = attributes['axis'];
  return data.length === 1 || (own !== undefined && 'int' in own ? own.int : 1) === axis;
}

function isCentred(zero: OnnxInitializer | undefined): boolean {
  return zero?.data.every((value: number) => value === 0) ?? true;
}

function zeroPoints(zero: OnnxInitializer | undefined, { gain }: ChannelGain): Int32Array {
  return Int32Array.from(gain, (_, c) => (zero === undefined ? 0 : parameterAt(zero, c)));
}

/** Integers and zero points with the channels' signs applied; undefined when all signs are 1. */
function applySigns(
  integers: OnnxInitializer,
  zero: OnnxInitializer | undefined,
  signs: Float32Array,
  channels: ChannelGain,
): { readonly data: TypedArray; readonly zeros: Int32Array } | undefined {
  if (signs.every((sign) => sign === 1)) return undefined;
  const zeros = zeroPoints(zero, channels);
  const sums = mirrorSums(integers, zeros, zero !== undefined, channels);
  const data = Int32Array.from(integers.data);
  for (const run of channelRuns(channels, integers.shape)) {
    const [sign, zero, sum] = [signs[run.channel] ?? 1, zeros[run.channel] ?? 0, sums[run.channel] ?? 0];
    if (sign === 0) data.fill(zero, run.start, run.end);
    else if (sign < 0) for (let i = run.start; i < run.end; i++) data[i] = sum - (data[i] ?? 0);
  }
  return { data, zeros: zeros.map((value, c) => ((signs[c] ?? 1) < 0 ? (sums[c] ?? 0) - value : value)) };
}

/**
 * What an integer and its mirror image add up to: twice the zero point where every image stays within the type, so that
 * a zero point of 0 stays 0, else the sum of the type's ends.
 */
function mirrorSums(integers: OnnxInitializer, zeros: Int32Array, hasZero: boolean, channels: ChannelGain): Int32Array {
  const [low, high] = integerRange(integers.type);
  const sums = zeros.map((value) => 2 * value);
  if (!hasZero) return sums;
  for (const { channel, start, end } of channelRuns(channels, integers.shape)) {
    const zero = zeros[channel] ?? 0;
    const leaves = (value: number): boolean => 2 * zero - value < low || 2 * zero - value > high;
    if (integers.data.subarray(start, end).some(leaves)) sums[channel] = low + high;
  }
  return sums;
}

function integerRange(type: OnnxDataType): readonly [number, number] {
  const bits = Number(/\d+$/.exec(type)?.[0] ?? 32);
  return type.startsWith('U') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
}
