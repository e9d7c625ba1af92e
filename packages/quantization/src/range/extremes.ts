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
  visitChannels(values, view, (channel, value) => {
    min[channel] = Math.min(min[channel]!, value);
    max[channel] = Math.max(max[channel]!, absolute ? Math.abs(value) : value);
  });
  return { min, max };
}

/** Calls `visit` for every value with its channel, in memory order. */
export function visitChannels(values: Float32Array, view: ChannelView, visit: (channel: number, value: number) => void): void {
  const { channels, inner } = view;
  const blocks = view.outer * channels;
  for (let block = 0; block < blocks; block++) {
    const channel = block % channels;
    const end = (block + 1) * inner;
    for (let i = block * inner; i < end; i++) visit(channel, values[i]!);
  }
}

/** The first value that is NaN or infinite. */
export function nonFiniteOf({ min, max }: Extremes): number | undefined {
  for (const extremes of [min, max]) {
    const found = extremes.find((value) => !Number.isFinite(value));
    if (found !== undefined) return found;
  }
  return undefined;
}
