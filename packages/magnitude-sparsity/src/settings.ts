import { readSchedule, type SparsitySchedule } from '@nncf/schedulers';
import type { LevelMode, MagnitudeSparsityConfig } from './config.ts';
import { patternInvalid } from './errors.ts';
import type { WeightImportance } from './importance.ts';

/** N weights kept of M neighbours. */
export interface Pattern {
  readonly n: number;
  readonly m: number;
}

/** The section with every default filled in. */
export interface MagnitudeSettings {
  readonly importance: WeightImportance;
  readonly mode: LevelMode;
  readonly schedule: SparsitySchedule;
  readonly pattern?: Pattern | undefined;
}

/**
 * Fills in the defaults.
 *
 * @param pointer JSON pointer of the section
 * @param warn hears of old names
 * @throws NncfError `SCHEDULE_INVALID`, `PATTERN_INVALID`
 */
export function readSettings(config: MagnitudeSparsityConfig, pointer: string, warn: (message: string) => void): MagnitudeSettings {
  const params = config.params ?? {};
  if (config.weight_importance !== undefined) warn(`"weight_importance" at ${pointer} is deprecated, its place is in "params" now.`);
  return {
    importance: params.weight_importance ?? config.weight_importance ?? 'normed_abs',
    mode: params.sparsity_level_setting_mode ?? 'global',
    schedule: readSchedule(params, { defaultSchedule: 'polynomial', init: config.sparsity_init, pointer: `${pointer}/params`, warn }),
    pattern: params.pattern === undefined ? undefined : readPattern(params.pattern),
  };
}

function readPattern(text: string): Pattern {
  const [n = 0, m = 0] = text.split(':').map(Number);
  if (n > m) throw patternInvalid(n, m);
  return { n, m };
}

/** The settings in one short phrase, for the plan. */
export function describeSettings({ importance, mode, pattern }: MagnitudeSettings): string {
  return pattern === undefined ? `magnitude ${importance} ${mode}` : `magnitude ${pattern.n}:${pattern.m}`;
}
