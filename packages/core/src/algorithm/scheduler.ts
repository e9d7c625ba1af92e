import type { JsonObject } from '../json.ts';

/** Moves a method along its schedule. */
export interface CompressionScheduler {
  /** After every optimizer step. */
  step(): void;
  /** After every epoch. @param completed number of epochs now behind, counted by the scheduler when left out. */
  epochStep(completed?: number): void;
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
