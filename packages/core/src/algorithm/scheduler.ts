import type { JsonObject } from '../json.ts';

/** What a method prescribes to the optimizer of the model's weights. */
export interface Hyperparameters {
  readonly learningRate?: number | undefined;
  /** Pull of kernels towards zero: weightDecay·w joins their gradients. */
  readonly weightDecay?: number | undefined;
}

/** Moves a method along its schedule. */
export interface CompressionScheduler {
  /** After every optimizer step. */
  step(): void;
  /** After every epoch. @param completed number of epochs now behind, counted by the scheduler when left out. */
  epochStep(completed?: number): void;
  /** What the method prescribes at this moment; undefined, for good, where it leaves that to the training program. */
  hyperparameters?(): Hyperparameters | undefined;
  state(): JsonObject;
  loadState(state: JsonObject): void;
}

/** A schedule that stands still. */
export const constantScheduler: CompressionScheduler = Object.freeze({
  step: () => undefined,
  epochStep: () => undefined,
  state: () => ({}),
  loadState: () => undefined,
});
