import { z, type ZodType } from 'zod';
import type { BinarizationConfig, BinarizationParams, Scopes } from './config.ts';

const count = z.int().nonnegative();
const scopes: ZodType<Scopes> = z.union([z.string().min(1), z.array(z.string().min(1))]);

const params: ZodType<BinarizationParams> = z.strictObject({
  activations_quant_start_epoch: count.optional(),
  weights_quant_start_epoch: count.optional(),
  lr_poly_drop_start_epoch: count.optional(),
  lr_poly_drop_duration_epochs: z.int().positive().optional(),
  disable_wd_start_epoch: count.optional(),
  base_lr: z.number().positive().optional(),
  base_wd: z.number().nonnegative().optional(),
  batch_multiplier: z.int().positive().optional(),
});

/** Validates the section. */
export const binarizationSchema: ZodType<BinarizationConfig> = z.strictObject({
  mode: z.enum(['xnor', 'dorefa']).optional(),
  preset: z.enum(['paper']).optional(),
  ignored_scopes: scopes.optional(),
  target_scopes: scopes.optional(),
  params: params.optional(),
  export_to_onnx_standard_ops: z.boolean().optional(),
});
