import { isInScope, weightUses, type GraphNode, type ModelGraph, type Scoping, type WeightUse } from '@nncf/core';
import type { ChannelFlow, ChannelUser } from './channel-flow.ts';
import type { PruningSettings } from './settings.ts';

/** Filters of a convolution: which class the filter at each position belongs to. */
export interface FilterSet {
  /** Name of the weight. */
  readonly weight: string;
  readonly axis: number;
  readonly classes: readonly number[];
}

/** Convolutions whose filters go together, because their results are added up. */
export interface Cluster {
  /** Classes of channels that may go, in the order of the first convolution's filters. */
  readonly classes: readonly number[];
  readonly filters: readonly FilterSet[];
}

/** What may be pruned of a model. */
export interface PruningSpace {
  readonly flow: ChannelFlow;
  readonly clusters: readonly Cluster[];
}

/** Finds the filters that may go: whose channels are read by trained weights only, and that the configuration leaves. */
export function pruningSpace(flow: ChannelFlow, graph: ModelGraph, settings: PruningSettings, scoping: Scoping): PruningSpace {
  const uses = new Map(weightUses(graph).map((use) => [use.variable.name, use]));
  const inputs = new Set(flow.inputs.map((channel) => flow.classes.classOf(channel)));
  const readsInput = ({ reads }: ChannelUser): boolean => reads.channels.every((channel) => inputs.has(flow.classes.classOf(channel)));
  for (const user of flow.users) {
    if (!isMaskable(uses.get(user.weight))) flow.classes.pin(user.reads.channels);
    const stays = mustStay(user, uses.get(user.weight), settings, scoping) || (!settings.pruneFirst && readsInput(user));
    if (stays) flow.classes.pin(user.makes?.channels ?? []);
  }
  return { flow, clusters: clustersOf(flow) };
}

/** Whether a mask can be put on the weight wherever it is read. */
function isMaskable(use: WeightUse | undefined): boolean {
  return use !== undefined && use.points.every(({ node }) => node.insertable);
}

function mustStay({ node }: ChannelUser, use: WeightUse | undefined, settings: PruningSettings, scoping: Scoping): boolean {
  if (use === undefined || !isMaskable(use) || !isInScope(scoping, use.products)) return true;
  return !settings.pruneDownsample && isDownsample(node, use);
}

function isDownsample(node: GraphNode, { variable }: WeightUse): boolean {
  const strides = [node.attrs['strides'] ?? 1].flat().map(Number);
  return strides.some((stride) => stride > 1) && variable.traceShape.slice(0, -2).every((size) => size === 1);
}

function clustersOf(flow: ChannelFlow): readonly Cluster[] {
  const found: { classes: Set<number>; filters: FilterSet[] }[] = [];
  for (const filters of filterSets(flow)) {
    const own = new Set(filters.classes.filter((channel) => !flow.classes.isPinned(channel)));
    if (own.size === 0) continue;
    const related = found.filter((cluster) => [...own].some((channel) => cluster.classes.has(channel)));
    const merged = {
      classes: new Set(related.flatMap(({ classes }) => [...classes])),
      filters: related.flatMap((cluster) => cluster.filters),
    };
    for (const channel of own) merged.classes.add(channel);
    found.splice(0, found.length, ...found.filter((cluster) => !related.includes(cluster)), {
      ...merged,
      filters: [...merged.filters, filters],
    });
  }
  return found.map(({ classes, filters }) => ({ classes: [...classes], filters }));
}

/** The filters of every convolution once, also where it is used several times. */
function filterSets({ classes, users }: ChannelFlow): readonly FilterSet[] {
  const sets = new Map<string, FilterSet>();
  for (const { weight, makes } of users) {
    if (makes !== undefined)
      sets.set(weight, { weight, axis: makes.axis, classes: makes.channels.map((channel) => classes.classOf(channel)) });
  }
  return [...sets.values()];
}
