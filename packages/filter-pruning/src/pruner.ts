import { filterImportance } from '@nncf/magnitude-sparsity';
import type { ModelGraph } from '@nncf/core';
import { tidy, type Variable } from '@tensorflow/tfjs-core';
import type { Cluster, PruningSpace } from './clusters.ts';
import { multiplyAdds } from './multiply-adds.ts';
import { classImportance, selectByCluster, selectOverAll, spareForMultiple, type ClassImportance } from './selection.ts';
import type { PruningSettings } from './settings.ts';

/** Halvings of the interval in which the level of filters for a level of multiply-adds is looked for. */
const HALVINGS = 30;

/** Chooses what to prune of a model. */
export class Pruner {
  /** Multiply-adds of the whole model, one sample. */
  readonly fullMultiplyAdds: number;
  private readonly space: PruningSpace;
  private readonly graph: ModelGraph;
  private readonly settings: PruningSettings;

  constructor(space: PruningSpace, graph: ModelGraph, settings: PruningSettings) {
    this.space = space;
    this.graph = graph;
    this.settings = settings;
    this.fullMultiplyAdds = multiplyAdds(space.flow, graph, new Set());
  }

  /** Share of the model's multiply-adds that pruning these classes saves. */
  saved(pruned: ReadonlySet<number>): number {
    return this.fullMultiplyAdds === 0 ? 0 : 1 - multiplyAdds(this.space.flow, this.graph, pruned) / this.fullMultiplyAdds;
  }

  /**
   * The classes to prune for a level, least important first. For a level of multiply-adds that cannot be saved, as many as
   * may be.
   *
   * @param weights dense weights by name
   */
  choose(level: number, weights: ReadonlyMap<string, Variable>): Set<number> {
    const importance = this.importance(weights);
    if (this.settings.measure === 'filters') return this.select(importance, level);
    return this.select(importance, this.filterLevel(importance, level));
  }

  private select(importance: ClassImportance, level: number): Set<number> {
    const { allWeights, multiple } = this.settings;
    const chosen = (allWeights ? selectOverAll : selectByCluster)(this.space.clusters, importance, level);
    return multiple === 1 ? chosen : spareForMultiple(this.space.clusters, importance, chosen, multiple);
  }

  /** The lowest level of filters that saves this share of the multiply-adds: the share grows with the level. */
  private filterLevel(importance: ClassImportance, level: number): number {
    let [low, high] = [0, 1];
    if (level === 0) return 0;
    for (let i = 0; i < HALVINGS; i++) {
      const middle = (low + high) / 2;
      if (this.saved(this.select(importance, middle)) >= level) high = middle;
      else low = middle;
    }
    return high;
  }

  private importance(weights: ReadonlyMap<string, Variable>): ClassImportance {
    const filters = this.space.clusters.flatMap((cluster: Cluster) => cluster.filters);
    const byWeight = new Map(filters.map(({ weight, axis }) => [weight, this.filterImportance(weights.get(weight), axis)]));
    return classImportance(this.space.clusters, byWeight, this.settings.allWeights);
  }

  private filterImportance(weight: Variable | undefined, axis: number): ArrayLike<number> {
    return weight === undefined ? [] : tidy(() => filterImportance(weight, this.settings.importance, axis).dataSync());
  }
}
