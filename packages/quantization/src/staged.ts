import { stagedHyperparameters, StagedScheduler, type StagedTrainingParams } from '@nncf/schedulers';
import { constantScheduler, type CompressionScheduler, type CompressionStage, type Hyperparameters, type JsonObject } from '@nncf/core';
import type { QuantizerGroup } from './placement/schemes.ts';

/** Epoch at which a group begins that the configuration says nothing of. */
const DEFAULT_START = 1;

/** A schedule and the stage that it brings the model to. */
export interface QuantizationSchedule {
  readonly scheduler: CompressionScheduler;
  stage(): CompressionStage;
  /** Groups that are quantized now. */
  active(): readonly QuantizerGroup[];
}

/** Everything is quantized all the time. */
export const unstagedSchedule: QuantizationSchedule = {
  scheduler: constantScheduler,
  stage: () => 'FULLY_COMPRESSED',
  active: () => ['weights', 'activations'],
};

/**
 * Weights and activations start at epochs of their own.
 *
 * @param onChange is told what is quantized now, and what was not before; `restored` when a checkpoint is the reason
 */
export function stagedSchedule(
  options: StagedTrainingParams,
  onChange: (active: readonly QuantizerGroup[], begun: readonly QuantizerGroup[], restored: boolean) => void,
): QuantizationSchedule {
  const { activations_quant_start_epoch: activations = DEFAULT_START, weights_quant_start_epoch: weights = DEFAULT_START } = options;
  const staged = new StagedScheduler<QuantizerGroup>({ weights, activations });
  const moving = (move: () => void, restored: boolean): void => {
    const before = staged.active;
    move();
    onChange(
      staged.active,
      staged.active.filter((group) => !before.includes(group)),
      restored,
    );
  };
  return {
    scheduler: {
      step: () => staged.step(),
      epochStep: (completed) => moving(() => staged.epochStep(completed), false),
      hyperparameters: () => prescribed(options, staged.epoch),
      state: () => staged.state(),
      loadState: (state: JsonObject) => moving(() => staged.loadState(state), true),
    },
    stage: () => staged.stage(),
    active: () => staged.active,
  };
}

/** What is prescribed to the optimizer: the rate where the configuration speaks of it, weight decay likewise; undefined for neither. */
function prescribed(params: StagedTrainingParams, epoch: number): Hyperparameters | undefined {
  const { learningRate, weightDecay } = stagedHyperparameters(params, epoch);
  const speaksOf = (...keys: readonly (keyof StagedTrainingParams)[]): boolean => keys.some((key) => params[key] !== undefined);
  const rate = speaksOf('base_lr', 'lr_poly_drop_start_epoch') ? { learningRate } : {};
  const decay = speaksOf('base_wd', 'disable_wd_start_epoch') ? { weightDecay } : {};
  return Object.keys({ ...rate, ...decay }).length === 0 ? undefined : { ...rate, ...decay };
}
