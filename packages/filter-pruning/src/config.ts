import type { FilterImportance } from '@nncf/magnitude-sparsity';
import type { Scoping } from '@nncf/core';

/** How the level rises. `baseline`: all at once after `num_init_steps`. */
export type PruningSchedule = 'baseline' | 'exponential' | 'exponential_with_bias';

/** `params` of the section. */
export interface FilterPruningParams {
  /** @default 'exponential' */
  readonly schedule?: PruningSchedule | undefined;
  /** First level, also allowed beside `algorithm`. @default 0 */
  readonly pruning_init?: number | undefined;
  /** Share of the filters of each layer to prune. @default 0.5 */
  readonly pruning_target?: number | undefined;
  /** Share of the model's multiply-adds to save, in place of `pruning_target`. */
  readonly pruning_flops_target?: number | undefined;
  /** Epochs before the first filter goes. @default 0 */
  readonly num_init_steps?: number | undefined;
  /** Epochs in which the level rises. @default 100 */
  readonly pruning_steps?: number | undefined;
  /** @default 'L2' */
  readonly filter_importance?: FilterImportance | undefined;
  /**
   * Leave a multiple of this many filters in each layer, by leaving more. Processors compute 8 or 16 channels at a time (AVX2,
   * AVX-512): a layer of 9 takes them as long as one of 16.
   * @default 1
   */
  readonly filters_multiple_of?: number | undefined;
  /** Rank the filters of all layers together instead of pruning the same share of each. @default false */
  readonly all_weights?: boolean | undefined;
  /** Also prune convolutions that read the model's inputs. @default false */
  readonly prune_first_conv?: boolean | undefined;
  /** Also prune 1×1 convolutions with a stride, the shortcuts of residual networks. @default false */
  readonly prune_downsample_convs?: boolean | undefined;
}

/** The section `{ "algorithm": "filter_pruning" }`. Keys and defaults are those of NNCF's configuration files. */
export interface FilterPruningConfig extends Scoping {
  /** First level. @default 0 */
  readonly pruning_init?: number | undefined;
  readonly params?: FilterPruningParams | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    filter_pruning: FilterPruningConfig;
  }
}
