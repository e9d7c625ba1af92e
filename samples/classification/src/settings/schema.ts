import { z } from 'zod';

const positive = z.number().positive();
const share = z.number().min(0).max(1);

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

/** Keys of a configuration that this program reads; those of the compression are the library's business. */
export const programSchema = z.object({
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
  preprocessing: z
    .strictObject({
      pad: z.int().min(0).optional(),
      flip: z.boolean().optional(),
      window: z.strictObject({ size: z.int().positive(), epochs: z.int().positive() }).optional(),
    })
    .optional(),
});

/** A configuration's keys for this program, validated. */
export type ProgramConfig = z.infer<typeof programSchema>;
