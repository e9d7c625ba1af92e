import type { ChannelView } from '../channels.ts';

/** Smallest and largest value of every channel. */
export interface Extremes {
  readonly min: Float64Array;
  readonly max: Float64Array;
}

/**
 * Extremes by channel of values in the layout of `view`; NaN where a channel holds NaN.
 *
 * @param absolute take the largest magnitude for the maximum
 */
export function channelExtremes(values: Float32Array, view: ChannelView, absolute: boolean): Extremes {
  const min = new Float64Array(view.channels).fill(Infinity);
  const max = new Float64Array(view.channels).fill(-Infinity);
  const { outer, channels, inner } = view;
  for (let block = 0, start = 0; block < outer * channels; block++, start += inner)
    widen(values, start, start + inner, min, max, block % channels);
  if (absolute) for (let channel = 0; channel < channels; channel++) max[channel] = Math.max(max[channel]!, -min[channel]!);
  return { min, max };
}

/** Takes a run of values into the extremes of a channel. Comparisons are blind to NaN, which a sum keeps. */
function widen(values: Float32Array, start: number, end: number, min: Float64Array, max: Float64Array, channel: number): void {
  let low = min[channel]!;
  let high = max[channel]!;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
    sum += value;
  }
  min[channel] = Number.isNaN(sum) ? Number.NaN : low;
  max[channel] = Number.isNaN(sum) ? Number.NaN : high;
}

/** The values of one channel, in memory order. */
export function channelValues(values: Float32Array, { outer, channels, inner }: ChannelView, channel: number): Float32Array {
  const own = new Float32Array(outer * inner);
  for (let o = 0; o < outer; o++) {
    const start = (o * channels + channel) * inner;
    for (let i = 0; i < inner; i++) own[o * inner + i] = values[start + i]!;
  }
  return own;
}

/** The first value that is NaN or infinite. */
export function nonFiniteOf({ min, max }: Extremes): number | undefined {
  for (const extremes of [min, max]) {
    const found = extremes.find((value) => !Number.isFinite(value));
    if (found !== undefined) return found;
  }
  return undefined;
}
