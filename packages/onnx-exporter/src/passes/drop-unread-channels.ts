import type { OnnxGraph } from '../emit/onnx-graph.ts';
import type { ResolvedOptions } from '../options.ts';
import { GraphEdit } from './graph-edit.ts';
import { followChannels } from './unread-channels/channel-flow.ts';
import { layerHandlers } from './unread-channels/layers.ts';
import { moverHandlers } from './unread-channels/movers.ts';
import { keepOneEach, shrink } from './unread-channels/shrink.ts';

const HANDLERS = { ...layerHandlers, ...moverHandlers };

/**
 * Takes out channels that no layer reads, its weights for them being zero: the filters that make them, their biases, batch
 * norms and grids, and the zero weights. The file computes the same with smaller layers. It is how pruned filters leave the
 * model, whatever made the weights zero.
 */
export function dropUnreadChannels(
  graph: OnnxGraph,
  { dropUnreadChannels: wanted }: Pick<ResolvedOptions, 'dropUnreadChannels'>,
): OnnxGraph {
  if (!wanted) return graph;
  const edit = new GraphEdit(graph);
  const flow = followChannels(graph, edit, HANDLERS);
  keepOneEach(flow);
  // A filter that is gone reads nothing any more, so channels before it may be unread now.
  return shrink(edit, flow) ? dropUnreadChannels(edit.finish(), { dropUnreadChannels: wanted }) : graph;
}
