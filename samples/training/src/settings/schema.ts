import { z, type ZodType } from 'zod';
import { LEARNING_RATE_SCHEDULES, type LearningRateOptions } from '../train/learning-rate.ts';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

/** Figures of one kind of optimizer. */
export interface OptimizerParams {
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  /** Of Adam. */
  readonly betas?: readonly [number, number] | undefined;
  readonly eps?: number | undefined;
}

/** Optimizer and learning rate. */
export interface OptimizerSection {
  readonly type?: 'sgd' | 'adam' | 'adamw' | 'rmsprop' | undefined;
  readonly base_lr?: number | undefined;
  readonly weight_decay?: number | undefined;
  readonly decay?: 'l2' | 'decoupled' | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly schedule_type?: LearningRateOptions['schedule'] | undefined;
  /** Epochs at which `multistep` multiplies the rate by `gamma`. */
  readonly steps?: readonly number[] | undefined;
  /** Epochs between two falls of `step`. */
  readonly step?: number | undefined;
  readonly gamma?: number | undefined;
  /** Exponent of `poly`. */
  readonly power?: number | undefined;
  readonly warmup_epochs?: number | undefined;
  readonly optimizer_params?: OptimizerParams | undefined;
}

/** Section `optimizer`: keys of NNCF's samples (`type`, `base_lr`, `schedule_type`, `steps`, `gamma`, `optimizer_params`) and a few more. */
const optimizerSchema = z.strictObject({
  type: z
    .string()
    .transform((name) => name.toLowerCase())
    .pipe(z.enum(['sgd', 'adam', 'adamw', 'rmsprop']))
    .optional(),
  base_lr: positive.optional(),
  weight_decay: z.number().min(0).optional(),
  decay: z.enum(['l2', 'decoupled']).optional(),
  momentum: share.optional(),
  nesterov: z.boolean().optional(),
  schedule_type: z.enum(LEARNING_RATE_SCHEDULES).optional(),
  steps: z.array(positive).optional(),
  step: positive.optional(),
  gamma: positive.optional(),
  power: positive.optional(),
  warmup_epochs: z.number().min(0).optional(),
  optimizer_params: z
    .strictObject({
      momentum: share.optional(),
      nesterov: z.boolean().optional(),
      betas: z.tuple([share, share]).optional(),
      eps: positive.optional(),
    })
    .optional(),
});

/** Keys of a configuration that every sample program reads. */
export interface TrainingSection {
  readonly weights?: string | undefined;
  readonly batch_size?: number | undefined;
  readonly epochs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log_dir?: string | undefined;
  readonly test_every_n_epochs?: number | undefined;
  readonly optimizer?: OptimizerSection | undefined;
}

/** {@link TrainingSection}, to be spread into the shape of a program's own schema. */
export const trainingShape: { readonly [Key in keyof TrainingSection]-?: ZodType<TrainingSection[Key]> } = {
  weights: z.string().min(1).optional(),
  batch_size: z.int().positive().optional(),
  epochs: z.int().min(0).optional(),
  seed: z.int().min(0).optional(),
  log_dir: z.string().min(1).optional(),
  test_every_n_epochs: z.int().positive().optional(),
  optimizer: optimizerSchema.optional(),
};
