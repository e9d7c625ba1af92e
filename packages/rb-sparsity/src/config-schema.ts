import { scheduleShape } from '@nncf/schedulers';
import { scopingShape } from '@nncf/core';
import { z, type ZodType } from 'zod';
import type { RbParams, RbSparsityConfig } from './config.ts';

const params: ZodType<RbParams> = z.strictObject({
  ...scheduleShape,
  sparsity_level_setting_mode: z.enum(['global', 'local']).optional(),
  seed: z.int().optional(),
  mask_learning_rate: z.number().positive().optional(),
});

/** Validates the section. */
export const rbSparsitySchema: ZodType<RbSparsityConfig> = z.strictObject({
  sparsity_init: z.number().min(0).max(1).optional(),
  params: params.optional(),
  ...scopingShape,
});
