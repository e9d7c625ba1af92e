import type { CompressionScheduler, CompressionStage, Hyperparameters, JsonObject } from '@nncf/core';
import { stagedHyperparameters, StagedScheduler, type StagedTrainingParams } from '@nncf/schedulers';
import { stateMismatch } from './errors.ts';

/** What is binarized from an epoch of its own. */
export type BinarizationPart = 'activations' | 'weights';

/** 1: nothing is binary, 2: one part is, activations as a rule, 3: both are, 4: both are and the learning rate falls. */
export type BinarizationStage = 1 | 2 | 3 | 4;

/** Epoch at which a part begins that the configuration says nothing of. */
const DEFAULT_START = 0;

/** The four stages of binarization (section 3.2 of arXiv 2002.08679), and the learning rate and weight decay that go with them. */
export class BinarizationSchedule implements CompressionScheduler {
  readonly #params: StagedTrainingParams;
  readonly #staged: StagedScheduler<BinarizationPart>;
  #steps = 0;
  /** Steps of the last whole epoch; 0 before the first has ended. */
  #stepsPerEpoch = 0;

  /** @param onChange is told the parts at work whenever there are more or fewer than before; not at construction */
  constructor(params: StagedTrainingParams, onChange: (active: readonly BinarizationPart[]) => void) {
    this.#params = params;
    const { activations_quant_start_epoch: activations = DEFAULT_START, weights_quant_start_epoch: weights = DEFAULT_START } = params;
    this.#staged = new StagedScheduler<BinarizationPart>({ activations, weights }, onChange);
  }

  /** Parts at work now. */
  get active(): readonly BinarizationPart[] {
    return this.#staged.active;
  }

  compressionStage(): CompressionStage {
    return this.#staged.stage();
  }

  /** Which of the four stages training is in. */
  trainingStage(): BinarizationStage {
    const { lr_poly_drop_start_epoch: drop = Infinity } = this.#params;
    if (this.active.length < 2) return this.active.length === 0 ? 1 : 2;
    return this.#staged.epoch < drop ? 3 : 4;
  }

  step(): void {
    this.#steps++;
  }

  epochStep(completed?: number): void {
    if (this.#steps > 0) this.#stepsPerEpoch = this.#steps;
    this.#steps = 0;
    this.#staged.epochStep(completed);
  }

  /**
   * Learning rate and weight decay by {@link stagedHyperparameters}; undefined where the configuration speaks of neither. Weight decay ends when the
   * learning rate begins to fall, unless told otherwise. Parts of an epoch count once the number of its steps is known, from the one before.
   */
  hyperparameters(): Hyperparameters | undefined {
    const { base_lr, base_wd, lr_poly_drop_start_epoch: start, disable_wd_start_epoch: disable = start } = this.#params;
    if ([base_lr, base_wd, disable].every((value) => value === undefined)) return undefined;
    const part = this.#stepsPerEpoch === 0 ? 0 : Math.min(this.#steps / this.#stepsPerEpoch, 1);
    return stagedHyperparameters({ ...this.#params, disable_wd_start_epoch: disable }, this.#staged.epoch, part);
  }

  state(): JsonObject {
    return { ...this.#staged.state(), steps: this.#steps, stepsPerEpoch: this.#stepsPerEpoch };
  }

  loadState(state: JsonObject): void {
    const { steps, stepsPerEpoch } = state;
    if (typeof steps !== 'number' || typeof stepsPerEpoch !== 'number')
      throw stateMismatch('The checkpoint holds no state of a schedule of binarization.');
    this.#staged.loadState(state);
    [this.#steps, this.#stepsPerEpoch] = [steps, stepsPerEpoch];
  }
}
