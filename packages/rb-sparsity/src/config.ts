import type { ScheduleParams } from '@nncf/schedulers';
import type { Scoping } from '@nncf/core';

/** How a level is understood: as that of all layers together, or of each by itself. */
export type LevelMode = 'global' | 'local';

/** `params` of the section. */
export interface RbParams extends ScheduleParams {
  /** @default 'global' */
  readonly sparsity_level_setting_mode?: LevelMode | undefined;
  /** Integer that all draws of the gates follow from. @default 0 */
  readonly seed?: number | undefined;
  /** Step of the logits in {@link https://arxiv.org/abs/1412.6980 | Adam}, wished of the optimizer. @default 1e-3 */
  readonly mask_learning_rate?: number | undefined;
}

/** The section `{ "algorithm": "rb_sparsity" }`. Keys and defaults are those of NNCF's configuration files. */
export interface RbSparsityConfig extends Scoping {
  /** First level, also allowed in `params`. @default 0 */
  readonly sparsity_init?: number | undefined;
  readonly params?: RbParams | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    rb_sparsity: RbSparsityConfig;
  }
}
