import type {
  AlgorithmState,
  AlgorithmStatistics,
  CompressionAlgorithm,
  CompressionStage,
  CreateContext,
  JsonObject,
  StatisticsTable,
  TensorOperator,
} from '@nncf/core';
import { SparsityScheduler, type SparsityTarget } from '@nncf/schedulers';
import { checkNumber, maskedWeights, MaskOperator, percent, type MaskedWeight } from '@nncf/sparsity';
import { tensor, tidy, type Variable } from '@tensorflow/tfjs-core';
import { channelMask, weightAxes, type WeightAxes } from './channel-masks.ts';
import type { FilterSet, PruningSpace } from './clusters.ts';
import type { FilterPruningConfig } from './config.ts';
import { stateMismatch } from './errors.ts';
import { Pruner } from './pruner.ts';
import type { PruningSettings } from './settings.ts';

/** Filter pruning at work in one model. */
export class FilterPruning implements CompressionAlgorithm, SparsityTarget {
  readonly name = 'filter_pruning';
  readonly stateVersion = 1;
  readonly operators: ReadonlyMap<string, TensorOperator>;
  readonly parameters: readonly [] = [];
  readonly scheduler: SparsityScheduler;
  readonly #space: PruningSpace;
  readonly #pruner: Pruner;
  readonly #axes: WeightAxes;
  readonly #weights: readonly MaskedWeight[];
  readonly #variables: ReadonlyMap<string, Variable>;
  readonly #masks: ReadonlyMap<string, MaskOperator>;
  #pruned: ReadonlySet<number> = new Set();
  #level = 0;
  #frozen = false;
  #restored = false;

  constructor(space: PruningSpace, settings: PruningSettings, context: CreateContext<FilterPruningConfig>) {
    this.#space = space;
    this.#axes = weightAxes(space.flow);
    this.#pruner = new Pruner(space, context.graph, settings);
    this.#variables = context.variables;
    this.#weights = maskedWeights(context.commands, context.variables);
    this.#masks = new Map(this.#weights.map(({ name, variable }) => [name, new MaskOperator(variable.shape)]));
    this.operators = new Map(this.#weights.map(({ command, name }) => [command.operator, this.#masks.get(name) as MaskOperator]));
    this.scheduler = new SparsityScheduler(settings.schedule, this);
    this.scheduler.start();
  }

  /** Chooses the filters for a level from the dense weights as they are now. */
  setLevel(level: number): void {
    if (this.#frozen) return;
    this.#level = level;
    this.#prune(this.#pruner.choose(level, this.#variables));
  }

  freeze(): void {
    this.#frozen = true;
  }

  /** Share of multiply-adds that is saved. */
  reachedSparsity(): number {
    return this.#pruner.saved(this.#pruned);
  }

  /** Filters of the weights as they are now: they may have been loaded since. */
  async initialize(): Promise<void> {
    if (!this.#restored) this.setLevel(this.#level);
  }

  stage(): CompressionStage {
    return this.scheduler.stage();
  }

  statistics(): AlgorithmStatistics {
    const full = this.#pruner.fullMultiplyAdds;
    const saved = this.#pruner.saved(this.#pruned);
    return {
      values: {
        multiplyAdds: full,
        multiplyAddsLeft: Math.round(full * (1 - saved)),
        multiplyAddsSaved: saved,
        prunedFilters: this.#filters().reduce((sum, filters) => sum + this.#prunedOf(filters).length, 0),
        level: this.#level,
        targetLevel: this.scheduler.targetLevel,
      },
      tables: [this.#table()],
    };
  }

  state(): AlgorithmState {
    const pruned = this.#filters().map((filters): [string, number[]] => [filters.weight, this.#prunedOf(filters)]);
    return { json: { level: this.#level, frozen: this.#frozen, pruned: Object.fromEntries(pruned) }, tensors: {} };
  }

  loadState({ json }: AlgorithmState): void {
    const level = checkNumber(json, 'level');
    this.#prune(readPruned(json, this.#filters()));
    this.#level = level;
    this.#frozen = json['frozen'] === true;
    this.#restored = true;
  }

  dispose(): void {
    for (const mask of this.#masks.values()) mask.dispose();
  }

  #prune(pruned: ReadonlySet<number>): void {
    this.#pruned = pruned;
    tidy(() => {
      for (const { name, variable } of this.#weights) {
        const mask = channelMask(this.#space.flow, this.#axes.get(name) ?? [], variable.shape, pruned);
        this.#masks.get(name)?.set(tensor(mask, variable.shape));
      }
    });
  }

  #filters(): readonly FilterSet[] {
    return this.#space.clusters.flatMap(({ filters }) => filters);
  }

  /** Positions of a convolution's pruned filters. */
  #prunedOf({ classes }: FilterSet): number[] {
    return classes.flatMap((channel, i) => (this.#pruned.has(channel) ? [i] : []));
  }

  #table(): StatisticsTable {
    const rows = this.#filters().map((filters) => {
      const [all, gone] = [filters.classes.length, this.#prunedOf(filters).length];
      return [filters.weight, all, all - gone, percent(gone / all)];
    });
    return { title: 'Filters by layer', columns: ['Layer', 'Filters', 'Left', 'Pruned'], rows };
  }
}

function readPruned(json: JsonObject, filters: readonly FilterSet[]): Set<number> {
  const saved = json['pruned'] as Readonly<Record<string, readonly number[] | undefined>> | undefined;
  const pruned = new Set<number>();
  for (const { weight, classes } of filters) {
    const positions = saved?.[weight];
    if (positions === undefined) throw stateMismatch(`does not say which filters of "${weight}" are pruned`);
    for (const position of positions) {
      const channel = classes[position];
      if (channel === undefined) throw stateMismatch(`prunes filter ${position} of "${weight}", which has ${classes.length}`);
      pruned.add(channel);
    }
  }
  return pruned;
}
