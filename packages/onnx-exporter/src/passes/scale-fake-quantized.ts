import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { channelRuns, copyOf, type ChannelGain, type ScaledWeight } from './channel-gain.ts';
import type { GraphEdit } from './graph-edit.ts';

/** Smallest factor on a range: OpenVINO divides by the end of a range of two levels. */
const SMALLEST_FACTOR = 1e-30;

/** Ranges of a `FakeQuantize`, one value for every channel. */
interface Ranges {
  readonly inLow: Float32Array;
  readonly inHigh: Float32Array;
  readonly outLow: Float32Array;
  readonly outHigh: Float32Array;
}

/**
 * Multiplies a fake-quantized weight by a factor for every channel through the output range. A channel with a negative
 * factor is mirrored: its contents and ranges change sign, after the contents were put on the grid, because only there
 * is a grid's mirror image read right.
 *
 * @returns undefined when the ranges run along another axis, or the contents would not stay on the grid
 */
export function scaleFakeQuantized(
  edit: GraphEdit,
  node: OnnxNode,
  weight: OnnxInitializer,
  channels: ChannelGain,
): ScaledWeight | undefined {
  const ranges = rangesOf(edit, node, weight, channels);
  const levels = node.attributes['levels'];
  if (ranges === undefined || levels === undefined || !('int' in levels)) return undefined;
  const contents = mirroredContents(weight, ranges, levels.int, channels);
  if (contents === undefined) return undefined;
  const shape = weight.shape.map((size, axis) => (axis === channels.axis ? size : 1));
  const store = (data: Float32Array): string => edit.store(`${weight.name}/range`, 'FLOAT', shape, data);
  const inputs = [
    contents === weight.data ? weight.name : edit.store(`${weight.name}/signed`, 'FLOAT', weight.shape, contents),
    ...mirroredRange(ranges.inLow, ranges.inHigh, channels, false).map(store),
    ...mirroredRange(ranges.outLow, ranges.outHigh, channels, true).map(store),
  ];
  return copyOf(node, inputs);
}

function rangesOf(edit: GraphEdit, node: OnnxNode, weight: OnnxInitializer, channels: ChannelGain): Ranges | undefined {
  const [inLow, inHigh, outLow, outHigh] = node.inputs.slice(1).map((name) => perChannel(edit.constant(name), weight.shape, channels));
  return inLow && inHigh && outLow && outHigh ? { inLow, inHigh, outLow, outHigh } : undefined;
}

/** A range's end for every channel; undefined when it varies along another axis. */
function perChannel(range: OnnxInitializer | undefined, weight: readonly number[], { axis, gain }: ChannelGain): Float32Array | undefined {
  if (range === undefined) return undefined;
  const { data, shape } = range;
  if (data.length === 1) return gain.map(() => data[0] ?? 0);
  const isAlongAxis = data.length === gain.length && shape[axis - weight.length + shape.length] === gain.length;
  return isAlongAxis ? Float32Array.from(data) : undefined;
}

function mirroredRange(
  low: Float32Array,
  high: Float32Array,
  { gain }: ChannelGain,
  isScaled: boolean,
): readonly [Float32Array, Float32Array] {
  const end = (own: Float32Array, other: Float32Array): Float32Array =>
    own.map((value, c) => {
      const factor = gain[c] ?? 1;
      return (factor < 0 ? -(other[c] ?? 0) : value) * (isScaled ? Math.max(Math.abs(factor), SMALLEST_FACTOR) : 1);
    });
  return [end(low, high), end(high, low)];
}

function mirroredContents(
  weight: OnnxInitializer,
  ranges: Ranges,
  levels: number,
  channels: ChannelGain,
): OnnxInitializer['data'] | undefined {
  const { gain } = channels;
  if (gain.every((factor) => factor >= 0)) return weight.data;
  const contents = Float32Array.from(weight.data);
  for (const { channel, start, end } of channelRuns(channels, weight.shape)) {
    if ((gain[channel] ?? 1) >= 0) continue;
    const snap = (value: number): number => fakeQuantize(value, ranges, levels, channel);
    for (let i = start; i < end; i++) {
      const snapped = snap(contents[i] ?? 0);
      if (Math.abs(snap(snapped) - snapped) > 1e-6 * Math.abs(snapped)) return undefined;
      contents[i] = -snapped;
    }
  }
  return contents;
}

/** OpenVINO's definition of the operation. */
function fakeQuantize(x: number, { inLow, inHigh, outLow, outHigh }: Ranges, levels: number, c: number): number {
  const [low, high] = [inLow[c] ?? 0, inHigh[c] ?? 0];
  const [bottom, top] = [outLow[c] ?? 0, outHigh[c] ?? 0];
  if (x <= Math.min(low, high)) return bottom;
  if (x > Math.max(low, high)) return top;
  const step = Math.round(((x - low) / (high - low)) * (levels - 1));
  return (step / (levels - 1)) * (top - bottom) + bottom;
}
