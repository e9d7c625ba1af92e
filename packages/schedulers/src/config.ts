import { z } from 'zod';
import { levelsMismatch, scheduleInvalid } from './errors.ts';
import type { Multistep } from './multistep.ts';
import type { LevelCurve, ScheduleTiming, SparsitySchedule } from './sparsity-schedule.ts';

/** Kinds of sparsity schedules. */
export type ScheduleKind = Exclude<LevelCurve['kind'], 'exponential_with_bias'>;

/** The keys of a schedule in a configuration, under `params` of a sparsity algorithm. */
export interface ScheduleParams {
  /** @default the algorithm's own */
  readonly schedule?: ScheduleKind | undefined;
  /** First level. May stand beside `algorithm` instead. @default 0 */
  readonly sparsity_init?: number | undefined;
  /** @default 0.5 */
  readonly sparsity_target?: number | undefined;
  /** @default 90 */
  readonly sparsity_target_epoch?: number | undefined;
  /** @default 100 */
  readonly sparsity_freeze_epoch?: number | undefined;
  /** @default 0.9 */
  readonly power?: number | undefined;
  /** @default false */
  readonly concave?: boolean | undefined;
  /** @default false */
  readonly update_per_optimizer_step?: boolean | undefined;
  /** @default counted in the first epoch */
  readonly steps_per_epoch?: number | undefined;
  /** @default [90] */
  readonly multistep_steps?: readonly number[] | undefined;
  /** @default [0.1, 0.5] */
  readonly multistep_sparsity_levels?: readonly number[] | undefined;
  /** @default 0.05 */
  readonly step?: number | undefined;
  /** @default 0.03 */
  readonly eps?: number | undefined;
  /** @default 1 */
  readonly patience?: number | undefined;
  /** @deprecated `sparsity_target_epoch` */
  readonly sparsity_steps?: number | undefined;
  /** @deprecated `sparsity_freeze_epoch` */
  readonly sparsity_training_steps?: number | undefined;
  /** @deprecated `multistep_steps` */
  readonly steps?: readonly number[] | undefined;
  /** @deprecated `multistep_sparsity_levels` */
  readonly sparsity_levels?: readonly number[] | undefined;
}

/** Zod shape of {@link ScheduleParams}, to be spread into an algorithm's own object. */
export const scheduleShape: { readonly [Key in keyof ScheduleParams]-?: z.ZodOptional<z.ZodType<NonNullable<ScheduleParams[Key]>>> } = {
  schedule: z.enum(['polynomial', 'exponential', 'multistep', 'adaptive']).optional(),
  sparsity_init: share().optional(),
  sparsity_target: share().optional(),
  sparsity_target_epoch: epoch().optional(),
  sparsity_freeze_epoch: epoch().optional(),
  power: z.number().nonnegative().optional(),
  concave: z.boolean().optional(),
  update_per_optimizer_step: z.boolean().optional(),
  steps_per_epoch: z.int().positive().optional(),
  multistep_steps: z.array(epoch()).optional(),
  multistep_sparsity_levels: z.array(share()).optional(),
  step: z.number().positive().max(1).optional(),
  eps: share().optional(),
  patience: z.int().positive().optional(),
  sparsity_steps: epoch().optional(),
  sparsity_training_steps: epoch().optional(),
  steps: z.array(epoch()).optional(),
  sparsity_levels: z.array(share()).optional(),
};

function share(): z.ZodNumber {
  return z.number().min(0).max(1);
}

function epoch(): z.ZodNumber {
  return z.number().nonnegative();
}

/** What an algorithm adds to {@link ScheduleParams}. */
export interface ScheduleContext {
  /** Schedule when the section names none. */
  readonly defaultSchedule: ScheduleKind;
  /** First level when `params` has none: the `sparsity_init` beside `algorithm`. */
  readonly init?: number | undefined;
  /** JSON pointer of the keys, for messages. */
  readonly pointer?: string | undefined;
  /** Where deprecations go. */
  readonly warn: (message: string) => void;
}

/** Old names and what they are called now. */
const RENAMED = [
  ['sparsity_steps', 'sparsity_target_epoch'],
  ['sparsity_training_steps', 'sparsity_freeze_epoch'],
  ['steps', 'multistep_steps'],
  ['sparsity_levels', 'multistep_sparsity_levels'],
] as const;

/**
 * Turns the keys of a configuration into a schedule with all defaults filled in.
 *
 * @throws NncfError `SCHEDULE_INVALID` when a key stands beside its old name, or levels and steps do not fit
 */
export function readSchedule(params: ScheduleParams, context: ScheduleContext): SparsitySchedule {
  const { defaultSchedule, init = 0, pointer = '', warn } = context;
  const current = renameOld(params, pointer, warn);
  const curve = readCurve(current.schedule ?? defaultSchedule, current, current.sparsity_init ?? init);
  if (curve.kind === 'multistep') checkMultistep(curve, pointer);
  return { curve, timing: readTiming(current) };
}

function checkMultistep({ steps, levels }: Multistep, pointer: string): void {
  if (levels.length !== steps.length + 1)
    throw levelsMismatch(levels.length, steps.length, `"multistep_sparsity_levels" at ${pointer || '/'}: `);
}

function renameOld(params: ScheduleParams, pointer: string, warn: (message: string) => void): ScheduleParams {
  const renamed: Record<string, unknown> = { ...params };
  for (const [old, name] of RENAMED) {
    if (params[old] === undefined) continue;
    if (params[name] !== undefined) throw scheduleInvalid(`"${old}" at ${pointer}/${old} is the old name of "${name}"; give one of them.`);
    warn(`"${old}" at ${pointer}/${old} is deprecated, it is called "${name}" now.`);
    renamed[name] = params[old];
  }
  return renamed;
}

function readCurve(kind: ScheduleKind, params: ScheduleParams, init: number): LevelCurve {
  const { sparsity_target: target = 0.5, sparsity_target_epoch: targetEpoch = 90 } = params;
  switch (kind) {
    case 'polynomial':
      return { kind, init, target, targetEpoch, power: params.power ?? 0.9, concave: params.concave ?? false };
    case 'exponential':
      return { kind, init, target, targetEpoch };
    case 'multistep':
      return { kind, steps: params.multistep_steps ?? [90], levels: params.multistep_sparsity_levels ?? [0.1, 0.5] };
    case 'adaptive':
      return { kind, init, target, step: params.step ?? 0.05, eps: params.eps ?? 0.03, patience: params.patience ?? 1 };
  }
}

function readTiming(params: ScheduleParams): ScheduleTiming {
  return {
    freezeEpoch: params.sparsity_freeze_epoch ?? 100,
    updatePerOptimizerStep: params.update_per_optimizer_step ?? false,
    stepsPerEpoch: params.steps_per_epoch,
  };
}
