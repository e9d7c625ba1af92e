import type { OnnxInitializer } from '../emit/onnx-graph.ts';
import { channelRuns, type ChannelGain, type ScaledWeight } from './channel-gain.ts';
import type { GraphEdit } from './graph-edit.ts';
import { scaleDequantized } from './scale-dequantized.ts';
import { scaleFakeQuantized } from './scale-fake-quantized.ts';

/**
 * Multiplies a weight by a factor for every channel, exactly: a stored weight itself, the scales of a `DequantizeLinear`
 * or the output range of a `FakeQuantize`.
 *
 * @returns undefined when the weight is none of these, or would not stay on its grid
 */
export function scaleWeight(edit: GraphEdit, weight: string, channels: ChannelGain): ScaledWeight | undefined {
  const stored = edit.constant(weight);
  if (stored !== undefined) return scaleStored(edit, stored, channels);
  const producer = edit.uses.producer(weight);
  const contents = edit.constant(producer?.inputs[0]);
  if (producer === undefined || contents === undefined) return undefined;
  if (producer.op === 'DequantizeLinear') return scaleDequantized(edit, producer, contents, channels);
  return producer.op === 'FakeQuantize' ? scaleFakeQuantized(edit, producer, contents, channels) : undefined;
}

function scaleStored(edit: GraphEdit, { name, shape, data, type }: OnnxInitializer, channels: ChannelGain): ScaledWeight {
  const scaled = Float32Array.from(data);
  for (const { channel, start, end } of channelRuns(channels, shape)) {
    const factor = channels.gain[channel] ?? 1;
    for (let i = start; i < end; i++) scaled[i] = (scaled[i] ?? 0) * factor;
  }
  return { name: edit.store(`${name}/scaled`, type, shape, scaled), nodes: [] };
}
