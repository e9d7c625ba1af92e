import type { CompressionScheduler, CompressionStage, JsonObject } from '@nncf/core';
import { createAdaptiveSchedule, type AdaptiveSchedule } from './adaptive.ts';
import { nextEpoch } from './epoch-counter.ts';
import { stateMismatch, stepsMismatch } from './errors.ts';
import { checkCurve, curveTarget, scheduleLevel, type SparsitySchedule } from './sparsity-schedule.ts';

/** What a sparsity schedule acts on. */
export interface SparsityTarget {
  /** Called with every new level, a share in [0, 1]. */
  setLevel(level: number): void;
  /** Called once, when the masks are to stay as they are. */
  freeze(): void;
  /** Sparsity reached so far, a share in [0, 1]. Asked by the adaptive schedule. */
  reachedSparsity(): number;
}

/** Counters of a schedule. All but `level` and `frozen` are numbers of things that are over. */
interface Progress {
  epoch: number;
  step: number;
  stepInEpoch: number;
  /** 0 while unknown. */
  stepsPerEpoch: number;
  /** Epochs that the schedule does not count: 1 when the first one was used to count its steps. */
  skipped: number;
  level: number;
  frozen: boolean;
}

/**
 * Moves a sparsity level along its curve.
 *
 * `epochStep()` is called after an epoch's batches and `step()` after every optimizer step. At any moment the level is that
 * of e completed epochs, so the first epoch is trained at level(0). With `updatePerOptimizerStep` it is that of
 * e + k/n after k of n steps. Where n is not configured the first epoch serves to count it: level(0) holds for that epoch and
 * the schedule starts after it. From the freeze epoch on, level(freeze epoch) stays.
 */
export class SparsityScheduler implements CompressionScheduler {
  readonly schedule: SparsitySchedule;
  readonly #target: SparsityTarget;
  readonly #adaptive: AdaptiveSchedule | undefined;
  #progress: Progress;

  /**
   * The target hears nothing before {@link start}.
   * @throws NncfError `SCHEDULE_INVALID`
   */
  constructor(schedule: SparsitySchedule, target: SparsityTarget) {
    checkCurve(schedule.curve);
    this.schedule = schedule;
    this.#target = target;
    this.#adaptive = schedule.curve.kind === 'adaptive' ? createAdaptiveSchedule(schedule.curve) : undefined;
    const level = scheduleLevel(schedule, 0);
    this.#progress = {
      epoch: 0,
      step: 0,
      stepInEpoch: 0,
      stepsPerEpoch: schedule.timing.stepsPerEpoch ?? 0,
      skipped: 0,
      level,
      frozen: false,
    };
  }

  /** Number of completed epochs. */
  get epoch(): number {
    return this.#progress.epoch;
  }

  /** Level in force, a share in [0, 1]. */
  get level(): number {
    return this.#progress.level;
  }

  /** Level at which the schedule ends. */
  get targetLevel(): number {
    return curveTarget(this.schedule.curve);
  }

  get frozen(): boolean {
    return this.#progress.frozen;
  }

  /** Uncompressed at level 0, fully compressed at the target. */
  stage(): CompressionStage {
    if (this.level === 0) return 'UNCOMPRESSED';
    return this.level >= this.targetLevel ? 'FULLY_COMPRESSED' : 'PARTIALLY_COMPRESSED';
  }

  /** Tells the target the level of epoch 0. */
  start(): void {
    this.#target.setLevel(this.level);
    this.#freezeWhenDue();
  }

  /** @throws NncfError `SCHEDULE_STEPS_MISMATCH` past the last step of an epoch, where steps count. */
  step(): void {
    const progress = this.#progress;
    progress.step += 1;
    progress.stepInEpoch += 1;
    if (!this.schedule.timing.updatePerOptimizerStep || progress.stepsPerEpoch === 0) return;
    if (progress.stepInEpoch > progress.stepsPerEpoch) throw stepsMismatch(progress.stepsPerEpoch, progress.stepInEpoch);
    if (this.#adaptive === undefined) this.#moveTo(this.#curveLevel());
  }

  /** @throws NncfError `SCHEDULE_STEPS_MISMATCH` when the epoch had fewer steps than configured, where steps count. */
  epochStep(completed?: number): void {
    if (this.schedule.timing.updatePerOptimizerStep) this.#closeSteps();
    this.#progress.epoch = nextEpoch(this.#progress.epoch, completed);
    this.#progress.stepInEpoch = 0;
    if (this.#adaptive === undefined) this.#moveTo(this.#curveLevel());
    else if (!this.frozen) this.#moveTo(this.#adaptive.update(this.#target.reachedSparsity()));
    this.#freezeWhenDue();
  }

  state(): JsonObject {
    const adaptive = this.#adaptive === undefined ? {} : { adaptive: this.#adaptive.state() };
    return { ...this.#progress, ...adaptive };
  }

  /**
   * Goes back to a saved point. The target hears nothing: its masks come from the same checkpoint.
   * @throws NncfError `STATE_MISMATCH`. Changes nothing then.
   */
  loadState(state: JsonObject): void {
    const progress = readProgress(state);
    this.#adaptive?.loadState(isObject(state['adaptive']) ? state['adaptive'] : {});
    this.#progress = progress;
  }

  /** First epoch without a configured number of steps: takes the number, and does not count the epoch. */
  #closeSteps(): void {
    const progress = this.#progress;
    if (progress.stepInEpoch === 0) return;
    if (progress.stepsPerEpoch === 0) {
      progress.stepsPerEpoch = progress.stepInEpoch;
      progress.skipped = 1;
    }
    if (progress.stepsPerEpoch !== progress.stepInEpoch) throw stepsMismatch(progress.stepsPerEpoch, progress.stepInEpoch);
  }

  /** Completed epochs as the schedule counts them, with the share of the current one where steps count. */
  #position(): number {
    const { epoch, skipped, stepInEpoch, stepsPerEpoch } = this.#progress;
    const within = this.schedule.timing.updatePerOptimizerStep && stepsPerEpoch > 0 ? stepInEpoch / stepsPerEpoch : 0;
    return Math.max(epoch - skipped, 0) + within;
  }

  #curveLevel(): number {
    return scheduleLevel(this.schedule, this.#position());
  }

  #moveTo(level: number): void {
    if (level === this.level) return;
    this.#progress.level = level;
    this.#target.setLevel(level);
  }

  #freezeWhenDue(): void {
    if (this.frozen || this.#position() < this.schedule.timing.freezeEpoch) return;
    this.#progress.frozen = true;
    this.#target.freeze();
  }
}

const COUNTERS = ['epoch', 'step', 'stepInEpoch', 'stepsPerEpoch', 'skipped', 'level'] as const;

function readProgress(state: JsonObject): Progress {
  const [epoch, step, stepInEpoch, stepsPerEpoch, skipped, level] = COUNTERS.map((key) => readNumber(state, key)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return { epoch, step, stepInEpoch, stepsPerEpoch, skipped, level, frozen: state['frozen'] === true };
}

function readNumber(state: JsonObject, key: string): number {
  const value = state[key];
  if (typeof value !== 'number') throw stateMismatch(`The checkpoint's schedule has no "${key}".`);
  return value;
}

function isObject(value: JsonObject[string]): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
