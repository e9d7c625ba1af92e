import type { CompressionScheduler, CompressionStage, JsonObject } from '@nncf/core';
import { checkNotNegative } from './checks.ts';
import { nextEpoch } from './epoch-counter.ts';
import { stateMismatch } from './errors.ts';

/** First epoch of every part of a staged method, by the part's name: `{ activations: 1, weights: 2 }`. */
export type StageStarts<Part extends string = string> = Readonly<Record<Part, number>>;

/** Whether a part with this first epoch is at work. @param epoch number of completed epochs */
function hasBegun(epoch: number, start: number): boolean {
  return epoch >= start;
}

/** No part at work is uncompressed, all parts are fully, some are partially. @param epoch number of completed epochs */
export function stagedStage(epoch: number, starts: StageStarts): CompressionStage {
  const parts = Object.values(starts);
  const begun = parts.filter((start) => hasBegun(epoch, start)).length;
  if (begun === parts.length) return 'FULLY_COMPRESSED';
  return begun === 0 ? 'UNCOMPRESSED' : 'PARTIALLY_COMPRESSED';
}

/** Parameters of {@link decayFactor}. */
export interface DecayParams {
  /** First epoch of the decay, P. */
  readonly start: number;
  /** Epochs that the decay lasts, D, above 0. */
  readonly duration: number;
  /** Exponent. @default 2.1 */
  readonly power?: number | undefined;
}

/**
 * Factor on a base learning rate: 1 before P, then ((P + D − e)/D)^power, 0 from P + D on. Power 2.1 is that of staged
 * binarization.
 *
 * @param epoch number of completed epochs; fractions are steps within an epoch
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function decayFactor(epoch: number, { start, duration, power = 2.1 }: DecayParams): number {
  checkNotNegative({ start, duration, power });
  if (epoch < start) return 1;
  return epoch >= start + duration ? 0 : ((start + duration - epoch) / duration) ** power;
}

/** Switches the parts of a method on, each at its own epoch. */
export class StagedScheduler<Part extends string = string> implements CompressionScheduler {
  readonly starts: StageStarts<Part>;
  readonly #onChange: (active: readonly Part[]) => void;
  #epoch = 0;

  /**
   * @param starts first epoch of every part
   * @param onChange is told the parts at work whenever there are more or fewer than before; not at construction
   * @throws NncfError `SCHEDULE_INVALID`
   */
  constructor(starts: StageStarts<Part>, onChange: (active: readonly Part[]) => void = () => undefined) {
    checkNotNegative(starts);
    this.starts = starts;
    this.#onChange = onChange;
  }

  /** Number of completed epochs. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Parts at work now. */
  get active(): readonly Part[] {
    return (Object.keys(this.starts) as Part[]).filter((part) => this.isActive(part));
  }

  /** Whether a part is at work now. */
  isActive(part: Part): boolean {
    return hasBegun(this.#epoch, this.starts[part]);
  }

  stage(): CompressionStage {
    return stagedStage(this.#epoch, this.starts);
  }

  /** Nothing: stages change between epochs. */
  step(): void {}

  epochStep(completed?: number): void {
    this.#moveTo(nextEpoch(this.#epoch, completed));
  }

  state(): JsonObject {
    return { epoch: this.#epoch };
  }

  /** Goes to the saved epoch and tells `onChange` the parts at work there. @throws NncfError `STATE_MISMATCH` */
  loadState({ epoch }: JsonObject): void {
    if (typeof epoch !== 'number') throw stateMismatch('The checkpoint holds no state of a staged schedule.');
    this.#moveTo(epoch);
  }

  #moveTo(epoch: number): void {
    const before = this.active.length;
    this.#epoch = epoch;
    if (this.active.length !== before) this.#onChange(this.active);
  }
}
