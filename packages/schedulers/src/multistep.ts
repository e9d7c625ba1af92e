import { checkLevels, checkNotNegative } from './checks.ts';
import { levelsMismatch } from './errors.ts';

/** Parameters of {@link multistepLevel}. */
export interface MultistepParams {
  /** Epochs at which the next level begins, in any order. @default [90] */
  readonly steps?: readonly number[] | undefined;
  /** One level more than there are steps, shares in [0, 1]. @default [0.1, 0.5] */
  readonly levels?: readonly number[] | undefined;
}

/** Steps and levels with their defaults. */
export interface Multistep {
  readonly steps: readonly number[];
  readonly levels: readonly number[];
}

/** Fills in the defaults and checks the figures. @throws NncfError `SCHEDULE_INVALID` */
export function multistep({ steps = [90], levels = [0.1, 0.5] }: MultistepParams): Multistep {
  if (levels.length !== steps.length + 1) throw levelsMismatch(levels.length, steps.length);
  checkLevels(named('levels', levels));
  checkNotNegative(named('steps', steps));
  return { steps, levels };
}

function named(list: string, figures: readonly number[]): Record<string, number> {
  return Object.fromEntries(figures.map((figure, index) => [`${list}[${index}]`, figure]));
}

/**
 * Level of a schedule in steps: `levels[k]`, where k is the number of steps at or before the epoch.
 *
 * @param epoch number of completed epochs
 * @returns a share in [0, 1]
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function multistepLevel(epoch: number, params: MultistepParams = {}): number {
  const { steps, levels } = multistep(params);
  const passed = steps.filter((step) => step <= epoch).length;
  return levels[passed] as number;
}
