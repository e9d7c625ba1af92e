import { valueOf, type ModelGraph } from '@nncf/core';
import type { ChannelFlow, ChannelUser } from './channel-flow.ts';

/**
 * Multiply-adds of the convolutions and products for one sample, without the channels that are pruned.
 *
 * @param pruned classes of channels
 */
export function multiplyAdds(flow: ChannelFlow, graph: ModelGraph, pruned: ReadonlySet<number>): number {
  const kept = (channels: readonly number[]): number =>
    channels.filter((channel) => !pruned.has(flow.classes.classOf(channel))).length / channels.length;
  return flow.users.reduce(
    (sum, user) =>
      sum + fullMultiplyAdds(user, graph) * kept(user.reads.channels) * (user.makes === undefined ? 1 : kept(user.makes.channels)),
    0,
  );
}

/** Every element of the result takes one multiply-add for each weight that leads to it. */
function fullMultiplyAdds({ node, reads, makes }: ChannelUser, graph: ModelGraph): number {
  const result = valueOf(graph, node.outputs[0] ?? -1).traceShape;
  const weight = valueOf(graph, node.inputs[1] ?? -1).traceShape;
  const elements = result.slice(1).reduce((product, size) => product * size, 1);
  const window = weight.filter((_, axis) => axis !== makes?.axis && axis !== reads.axis).reduce((product, size) => product * size, 1);
  if (makes !== undefined) return elements * window * reads.channels.length;
  return node.op === 'MatMul' ? elements * reads.channels.length : elements * (window / (weight.at(-1) ?? 1));
}
