import type { JsonObject } from '@nncf/core';
import { checkLevels } from './checks.ts';
import { scheduleInvalid, stateMismatch } from './errors.ts';

/** Parameters of {@link createAdaptiveSchedule}. */
export interface AdaptiveParams {
  /** First level, a share in [0, 1]. @default 0 */
  readonly init?: number | undefined;
  /** Last level, a share in [0, 1]. @default 0.5 */
  readonly target?: number | undefined;
  /** What a rise adds. @default 0.05 */
  readonly step?: number | undefined;
  /** How far below the level still counts as reached. @default 0.03 */
  readonly eps?: number | undefined;
  /** Epochs in a row that must reach the level before it rises. @default 1 */
  readonly patience?: number | undefined;
}

/** A level that rises only when the model has come up to it. */
export interface AdaptiveSchedule {
  readonly level: number;
  readonly target: number;
  /**
   * Once an epoch.
   * @param currentSparsity sparsity that the model has reached, a share in [0, 1]
   * @returns the level from now on
   */
  update(currentSparsity: number): number;
  state(): JsonObject;
  /** @throws NncfError `STATE_MISMATCH` */
  loadState(state: JsonObject): void;
}

/** Levels this close to the target are the target: sums of 0.05 miss it by a rounding error. */
const ROUNDING = 1e-9;

/**
 * Adaptive schedule: when the reached sparsity is at least level − eps for `patience` epochs in a row, the level rises to
 * min(level + step, target). An epoch that falls short starts the count again.
 *
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function createAdaptiveSchedule(params: AdaptiveParams = {}): AdaptiveSchedule {
  const { init = 0, target = 0.5, step = 0.05, eps = 0.03, patience = 1 } = params;
  check({ init, target, step, eps, patience });
  let level = init;
  let reached = 0;
  return {
    get level() {
      return level;
    },
    target,
    update(currentSparsity) {
      reached = currentSparsity >= level - eps ? reached + 1 : 0;
      if (reached >= patience) {
        reached = 0;
        level = raise(level, step, target);
      }
      return level;
    },
    state: () => ({ level, reached }),
    loadState(state) {
      [level, reached] = readState(state);
    },
  };
}

function raise(level: number, step: number, target: number): number {
  const raised = level + step;
  return raised > target - ROUNDING ? target : raised;
}

function check({ init, target, step, eps, patience }: Record<'init' | 'target' | 'step' | 'eps' | 'patience', number>): void {
  checkLevels({ init, target, eps });
  if (!(step > 0 && step <= 1)) throw scheduleInvalid(`step is ${step}; it must be above 0 and at most 1.`);
  if (!Number.isInteger(patience) || patience < 1)
    throw scheduleInvalid(`patience is ${patience}; it must be a whole number of epochs, 1 or more.`);
}

function readState(state: JsonObject): [level: number, reached: number] {
  const { level, reached } = state;
  if (typeof level !== 'number' || typeof reached !== 'number')
    throw stateMismatch('The checkpoint holds no state of an adaptive schedule.');
  return [level, reached];
}
