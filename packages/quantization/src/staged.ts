import { decayFactor, StagedScheduler } from '@nncf/schedulers';
import { constantScheduler, type CompressionScheduler, type CompressionStage, type Hyperparameters, type JsonObject } from '@nncf/core';
import type { StagedOptions } from './config.ts';
import type { QuantizerGroup } from './placement/schemes.ts';

const DEFAULTS = { start: 1, duration: 30, learningRate: 1e-3, weightDecay: 1e-5, power: 2.1 };

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
  options: StagedOptions,
  onChange: (active: readonly QuantizerGroup[], begun: readonly QuantizerGroup[], restored: boolean) => void,
): QuantizationSchedule {
  const { activations_quant_start_epoch: activations = DEFAULTS.start, weights_quant_start_epoch: weights = DEFAULTS.start } = options;
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

/** What the optimizer should do in an epoch of staged quantization. */
export interface StagedHyperparameters {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** What is prescribed to the optimizer: the rate where the configuration speaks of it, weight decay likewise; undefined for neither. */
function prescribed(params: StagedOptions, epoch: number): Hyperparameters | undefined {
  const { learningRate, weightDecay } = stagedHyperparameters(params, epoch);
  const speaksOf = (...keys: readonly (keyof StagedOptions)[]): boolean => keys.some((key) => params[key] !== undefined);
  const rate = speaksOf('base_lr', 'lr_poly_drop_start_epoch') ? { learningRate } : {};
  const decay = speaksOf('base_wd', 'disable_wd_start_epoch') ? { weightDecay } : {};
  return Object.keys({ ...rate, ...decay }).length === 0 ? undefined : { ...rate, ...decay };
}

/**
 * Learning rate and weight decay of staged quantization: `base_lr` until `lr_poly_drop_start_epoch`, then falling to 0 as
 * ((P + D − e)/D)^2.1; `base_wd` until `disable_wd_start_epoch`, then 0. The optimizer that `ModelCompression.optimizer` makes keeps to them; programs
 * that set these figures themselves can ask here.
 *
 * @param params the configuration's `params`
 * @param epoch number of completed epochs
 */
export function stagedHyperparameters(params: StagedOptions, epoch: number): StagedHyperparameters {
  const { lr_poly_drop_start_epoch: start, lr_poly_drop_duration_epochs: duration = DEFAULTS.duration } = params;
  const factor = start === undefined ? 1 : decayFactor(epoch, { start, duration, power: DEFAULTS.power });
  const decays = params.disable_wd_start_epoch === undefined || epoch < params.disable_wd_start_epoch;
  return {
    learningRate: (params.base_lr ?? DEFAULTS.learningRate) * factor,
    weightDecay: decays ? (params.base_wd ?? DEFAULTS.weightDecay) : 0,
  };
}
