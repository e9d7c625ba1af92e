import { z, type ZodType } from 'zod';
import { decayFactor } from './staged.ts';

/** `params` of a method that is trained in stages: when its parts begin, and what the optimizer does meanwhile. Epochs count from 0. */
export interface StagedTrainingParams {
  /** First epoch in which activations are compressed. */
  readonly activations_quant_start_epoch?: number | undefined;
  /** First epoch in which weights are compressed. */
  readonly weights_quant_start_epoch?: number | undefined;
  /** First epoch in which the learning rate falls. @default never */
  readonly lr_poly_drop_start_epoch?: number | undefined;
  /** Epochs in which it falls to zero. @default 30 */
  readonly lr_poly_drop_duration_epochs?: number | undefined;
  /** First epoch without weight decay. @default never */
  readonly disable_wd_start_epoch?: number | undefined;
  /** Learning rate before it falls. @default 1e-3 */
  readonly base_lr?: number | undefined;
  /** Weight decay before it ends. @default 1e-5 */
  readonly base_wd?: number | undefined;
  /** Read for the sake of NNCF's files: gradients are not summed over batches. */
  readonly batch_multiplier?: number | undefined;
}

const count = z.int().nonnegative().optional();

/** Zod shape of {@link StagedTrainingParams}. */
export const stagedTrainingShape: { readonly [Key in keyof StagedTrainingParams]-?: ZodType<number | undefined> } = {
  activations_quant_start_epoch: count,
  weights_quant_start_epoch: count,
  lr_poly_drop_start_epoch: count,
  lr_poly_drop_duration_epochs: z.int().positive().optional(),
  disable_wd_start_epoch: count,
  base_lr: z.number().positive().optional(),
  base_wd: z.number().nonnegative().optional(),
  batch_multiplier: z.int().positive().optional(),
};

/** What the optimizer should do at a moment of a staged training. */
export interface StagedHyperparameters {
  readonly learningRate: number;
  readonly weightDecay: number;
}

const DEFAULTS = { duration: 30, learningRate: 1e-3, weightDecay: 1e-5, power: 2.1 };

/**
 * Learning rate and weight decay of a staged training (section 3.2 of arXiv 2002.08679): `base_lr` until `lr_poly_drop_start_epoch`, then falling to 0
 * as ((P + D − e)/D)^2.1; `base_wd` until `disable_wd_start_epoch`, then 0. The optimizer that `ModelCompression.optimizer` makes keeps to them; programs
 * that set these figures themselves can ask here.
 *
 * @param params the configuration's `params`
 * @param epoch number of completed epochs
 * @param part of the present epoch, 0 … 1; the learning rate falls within it. @default 0
 */
export function stagedHyperparameters(params: StagedTrainingParams, epoch: number, part = 0): StagedHyperparameters {
  const {
    lr_poly_drop_start_epoch: start,
    lr_poly_drop_duration_epochs: duration = DEFAULTS.duration,
    disable_wd_start_epoch: end,
  } = params;
  const factor = start === undefined ? 1 : decayFactor(epoch + part, { start, duration, power: DEFAULTS.power });
  return {
    learningRate: (params.base_lr ?? DEFAULTS.learningRate) * factor,
    weightDecay: end === undefined || epoch < end ? (params.base_wd ?? DEFAULTS.weightDecay) : 0,
  };
}
