import { readSchedule, type SparsitySchedule } from '@nncf/schedulers';
import type { LevelMode, RbSparsityConfig } from './config.ts';

/** The section with every default filled in. */
export interface RbSettings {
  readonly mode: LevelMode;
  readonly seed: number;
  readonly maskLearningRate: number;
  readonly schedule: SparsitySchedule;
}

/**
 * Fills in the defaults.
 *
 * @param pointer JSON pointer of the section
 * @param warn hears of old names
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function readSettings(config: RbSparsityConfig, pointer: string, warn: (message: string) => void): RbSettings {
  const params = config.params ?? {};
  return {
    mode: params.sparsity_level_setting_mode ?? 'global',
    seed: params.seed ?? 0,
    maskLearningRate: params.mask_learning_rate ?? 1e-3,
    schedule: readSchedule(params, { defaultSchedule: 'exponential', init: config.sparsity_init, pointer: `${pointer}/params`, warn }),
  };
}
