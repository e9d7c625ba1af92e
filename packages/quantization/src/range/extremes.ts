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
  const { channels, inner } = view;
  for (let i = 0; i < values.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    const value = values[i]!;
    min[channel] = Math.min(min[channel]!, value);
    max[channel] = Math.max(max[channel]!, absolute ? Math.abs(value) : value);
  }
  return { min, max };
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
