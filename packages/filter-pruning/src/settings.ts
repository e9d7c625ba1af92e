import type { FilterImportance } from '@nncf/magnitude-sparsity';
import type { LevelCurve, SparsitySchedule } from '@nncf/schedulers';
import type { FilterPruningConfig, FilterPruningParams } from './config.ts';

/** The section with every default filled in. */
export interface PruningSettings {
  readonly importance: FilterImportance;
  /** What a level is a share of: the filters of each layer, or the model's multiply-adds. */
  readonly measure: 'filters' | 'multiply-adds';
  /** Filters left in a layer are a multiple of this. */
  readonly multiple: number;
  readonly allWeights: boolean;
  readonly pruneFirst: boolean;
  readonly pruneDownsample: boolean;
  readonly schedule: SparsitySchedule;
}

/** Fills in the defaults. */
export function readSettings(config: FilterPruningConfig): PruningSettings {
  const params = config.params ?? {};
  return {
    importance: params.filter_importance ?? 'L2',
    measure: params.pruning_flops_target === undefined ? 'filters' : 'multiply-adds',
    multiple: params.filters_multiple_of ?? 1,
    allWeights: params.all_weights ?? false,
    pruneFirst: params.prune_first_conv ?? false,
    pruneDownsample: params.prune_downsample_convs ?? false,
    schedule: readSchedule(params, params.pruning_init ?? config.pruning_init ?? 0),
  };
}

/** The filters stay once the target is reached. */
function readSchedule(params: FilterPruningParams, init: number): SparsitySchedule {
  const { schedule = 'exponential', num_init_steps: start = 0, pruning_steps: steps = 100 } = params;
  const target = params.pruning_flops_target ?? params.pruning_target ?? 0.5;
  const timing = { updatePerOptimizerStep: false, startEpoch: start, freezeEpoch: start + steps };
  if (schedule === 'baseline') return { curve: atOnce(start, init, target), timing: { ...timing, startEpoch: 0, freezeEpoch: start } };
  return { curve: { kind: schedule, init, target, targetEpoch: steps }, timing };
}

function atOnce(epoch: number, init: number, target: number): LevelCurve {
  return { kind: 'multistep', steps: [epoch], levels: [init, target] };
}

/** The settings in one short phrase, for the plan. */
export function describeSettings({ importance, measure, allWeights }: PruningSettings): string {
  return `filters by ${importance}${allWeights ? ' over all layers' : ''}, share of ${measure}`;
}
