import { z, type ZodType } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

/** Optimizer and learning rate. */
export interface OptimizerSection {
  readonly type?: 'sgd' | 'adam' | 'rmsprop' | undefined;
  readonly base_lr?: number | undefined;
  readonly weight_decay?: number | undefined;
  readonly decay?: 'l2' | 'decoupled' | undefined;
  readonly momentum?: number | undefined;
  readonly nesterov?: boolean | undefined;
  readonly schedule_type?: 'constant' | 'cosine' | 'linear' | 'multistep' | undefined;
  /** Epochs at which `multistep` multiplies the rate by `gamma`. */
  readonly steps?: readonly number[] | undefined;
  readonly gamma?: number | undefined;
  readonly warmup_epochs?: number | undefined;
  readonly optimizer_params?: { readonly momentum?: number | undefined; readonly nesterov?: boolean | undefined } | undefined;
}

/** Section `optimizer`: keys of NNCF's samples (`type`, `base_lr`, `schedule_type`, `steps`, `gamma`, `optimizer_params`) and a few more. */
const optimizerSchema = z.strictObject({
  type: z
    .string()
    .transform((name) => name.toLowerCase())
    .pipe(z.enum(['sgd', 'adam', 'rmsprop']))
    .optional(),
  base_lr: positive.optional(),
  weight_decay: z.number().min(0).optional(),
  decay: z.enum(['l2', 'decoupled']).optional(),
  momentum: share.optional(),
  nesterov: z.boolean().optional(),
  schedule_type: z.enum(['constant', 'cosine', 'linear', 'multistep']).optional(),
  steps: z.array(positive).optional(),
  gamma: positive.optional(),
  warmup_epochs: z.number().min(0).optional(),
  optimizer_params: z.strictObject({ momentum: share.optional(), nesterov: z.boolean().optional() }).optional(),
});

/** Section `distillation`: the network learns from its floating-point self, or from other weights of it. */
export interface DistillationSection {
  readonly type?: 'softmax' | 'mse' | undefined;
  readonly temperature?: number | undefined;
  /** Factor on the loss. */
  readonly weight?: number | undefined;
  /** Those of the teacher; by default those that training starts from. */
  readonly weights?: string | undefined;
}

const distillationSchema = z.strictObject({
  type: z.enum(['softmax', 'mse']).optional(),
  temperature: positive.optional(),
  weight: z.number().min(0).optional(),
  weights: z.string().min(1).optional(),
});

/** A configuration's keys for this program, validated. */
export interface ProgramConfig {
  readonly model?: string | undefined;
  readonly model_params?: { readonly width?: number | undefined } | undefined;
  /** Outputs of the network, where they are not the dataset's classes. */
  readonly num_classes?: number | undefined;
  readonly dataset?: string | undefined;
  readonly data?: string | undefined;
  /** Side in pixels to which a folder's pictures are cut. */
  readonly image_size?: number | undefined;
  readonly weights?: string | undefined;
  readonly batch_size?: number | undefined;
  readonly epochs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log_dir?: string | undefined;
  readonly test_every_n_epochs?: number | undefined;
  readonly optimizer?: OptimizerSection | undefined;
  readonly criterion?: { readonly label_smoothing?: number | undefined } | undefined;
  readonly distillation?: DistillationSection | undefined;
  readonly preprocessing?: PreprocessingSection | undefined;
}

/** Augmentation of training pictures. */
export interface PreprocessingSection {
  /** Pixels of black border from which a window is cut. */
  readonly pad?: number | undefined;
  /** Mirror every second picture, by chance. */
  readonly flip?: boolean | undefined;
  /** Train on parts of the pictures in the first epochs. */
  readonly window?: { readonly size: number; readonly epochs: number } | undefined;
}

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema: ZodType<ProgramConfig> = z.object({
  model: z.string().min(1).optional(),
  model_params: z.strictObject({ width: positive.optional() }).optional(),
  num_classes: z.int().min(2).optional(),
  dataset: z.string().min(1).optional(),
  data: z.string().min(1).optional(),
  image_size: z.int().positive().optional(),
  weights: z.string().min(1).optional(),
  batch_size: z.int().positive().optional(),
  epochs: z.int().min(0).optional(),
  seed: z.int().min(0).optional(),
  log_dir: z.string().min(1).optional(),
  test_every_n_epochs: z.int().positive().optional(),
  optimizer: optimizerSchema.optional(),
  criterion: z.strictObject({ label_smoothing: share.optional() }).optional(),
  distillation: distillationSchema.optional(),
  preprocessing: z
    .strictObject({
      pad: z.int().min(0).optional(),
      flip: z.boolean().optional(),
      window: z.strictObject({ size: z.int().positive(), epochs: positive }).optional(),
    })
    .optional(),
});
