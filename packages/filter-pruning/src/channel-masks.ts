import type { ChannelAxis, ChannelFlow } from './channel-flow.ts';

/** Axes of a weight that hold channels, by the weight's name. */
export type WeightAxes = ReadonlyMap<string, readonly ChannelAxis[]>;

/** The axes of every weight with a channel that may be pruned. */
export function weightAxes({ users, classes }: ChannelFlow): WeightAxes {
  const axes = new Map<string, readonly ChannelAxis[]>();
  for (const { weight, reads, makes } of users) {
    const own = [reads, ...(makes === undefined ? [] : [makes])];
    if (own.some(({ channels }) => channels.some((channel) => !classes.isPinned(channel)))) axes.set(weight, own);
  }
  return axes;
}

/**
 * Mask of a weight: 0 where it makes or reads a pruned channel.
 *
 * @param shape of the weight
 */
export function channelMask(
  { classes }: ChannelFlow,
  axes: readonly ChannelAxis[],
  shape: readonly number[],
  pruned: ReadonlySet<number>,
): Float32Array {
  const mask = new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(1);
  for (const { axis, channels } of axes) {
    const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
    const gone = channels.map((channel) => pruned.has(classes.classOf(channel)));
    for (let start = 0; start < mask.length; start += inner) {
      if (gone[(start / inner) % channels.length] === true) mask.fill(0, start, start + inner);
    }
  }
  return mask;
}
