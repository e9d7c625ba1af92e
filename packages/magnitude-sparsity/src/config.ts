import type { ScheduleParams } from '@nncf/schedulers';
import type { Scoping } from '@nncf/core';
import type { WeightImportance } from './importance.ts';

/** How a level is understood: as that of all layers together, or of each by itself. */
export type LevelMode = 'global' | 'local';

/** `params` of the section. Schedules: every one but `adaptive`, which waits for sparsity that comes by itself. */
export interface MagnitudeParams extends Omit<ScheduleParams, 'schedule'> {
  /** @default 'polynomial' */
  readonly schedule?: 'polynomial' | 'exponential' | 'multistep' | undefined;
  /** @default 'normed_abs' */
  readonly weight_importance?: WeightImportance | undefined;
  /** @default 'global' */
  readonly sparsity_level_setting_mode?: LevelMode | undefined;
  /**
   * A fixed pattern in place of a schedule: `"2:4"` keeps the 2 largest of every 4 neighbours along the input channels.
   * @default none
   */
  readonly pattern?: string | undefined;
}

/** The section `{ "algorithm": "magnitude_sparsity" }`. Keys and defaults are those of NNCF's configuration files. */
export interface MagnitudeSparsityConfig extends Scoping {
  /** First level, also allowed in `params`. @default 0 */
  readonly sparsity_init?: number | undefined;
  /** @deprecated its place is `params` */
  readonly weight_importance?: WeightImportance | undefined;
  readonly params?: MagnitudeParams | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    magnitude_sparsity: MagnitudeSparsityConfig;
  }
}
