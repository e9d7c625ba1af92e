import {
  defineAlgorithm,
  requireKnownScopes,
  weightUses,
  type AlgorithmDefinition,
  type ModelGraph,
  type PlanCommand,
  type Scoping,
} from '@nncf/core';
import { unreachableTarget } from '@nncf/schedulers';
import { maskCommand } from '@nncf/sparsity';
import { channelFlow } from './channel-flow.ts';
import { weightAxes } from './channel-masks.ts';
import { pruningSpace, type PruningSpace } from './clusters.ts';
import { filterPruningSchema } from './config-schema.ts';
import type { FilterPruningConfig } from './config.ts';
import { FilterPruning } from './controller.ts';
import { describeSettings, readSettings, type PruningSettings } from './settings.ts';

const NAME = 'filter_pruning';

/**
 * Filter pruning: the least important filters of convolutions go, together with everything that reads their channels. While
 * the network is trained they are masked; an exported file is without them.
 */
export const filterPruning: AlgorithmDefinition<FilterPruningConfig> = defineAlgorithm<FilterPruningConfig>({
  name: NAME,
  schema: filterPruningSchema,
  plan(graph, { config, pointer, epochs, warn }) {
    const settings = readSettings(config);
    requireKnownScopes(config, graph.nodes, pointer);
    const unreachable = unreachableTarget(settings.schedule, epochs);
    if (unreachable !== undefined) warn(`${pointer}: ${unreachable}`);
    const space = spaceOf(graph, settings, config);
    if (space.clusters.length === 0) warn(`The section at ${pointer} leaves no filter to ${NAME}.`);
    return planMasks(graph, space, describeSettings(settings));
  },
  create(context) {
    const settings = readSettings(context.config);
    return new FilterPruning(spaceOf(context.graph, settings, context.config), settings, context);
  },
});

function spaceOf(graph: ModelGraph, settings: PruningSettings, scoping: Scoping): PruningSpace {
  return pruningSpace(channelFlow(graph), graph, settings, scoping);
}

/** A mask for every weight that makes or reads a channel which may go. */
function planMasks(graph: ModelGraph, { flow }: PruningSpace, description: string): readonly PlanCommand[] {
  const masked = weightAxes(flow);
  const uses = weightUses(graph).filter(({ variable }) => masked.has(variable.name));
  return uses.map((use) => maskCommand(use, { algorithm: NAME, description }));
}
