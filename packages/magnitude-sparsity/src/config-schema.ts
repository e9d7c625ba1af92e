import { scheduleShape } from '@nncf/schedulers';
import { scopingShape } from '@nncf/core';
import { z, type ZodType } from 'zod';
import type { MagnitudeParams, MagnitudeSparsityConfig } from './config.ts';

const importance = z.enum(['abs', 'normed_abs']).optional();

const params: ZodType<MagnitudeParams> = z
  .strictObject({
    ...scheduleShape,
    schedule: z.enum(['polynomial', 'exponential', 'multistep']).optional(),
    weight_importance: importance,
    sparsity_level_setting_mode: z.enum(['global', 'local']).optional(),
    pattern: z
      .string()
      .regex(/^[1-9]\d*:[1-9]\d*$/u, 'a pattern is two whole numbers, "2:4"')
      .optional(),
  })
  .refine(({ pattern, schedule }) => pattern === undefined || schedule === undefined, {
    path: ['pattern'],
    message: 'a pattern has no schedule: it is in force from the start',
  });

/** Validates the section. */
export const magnitudeSparsitySchema: ZodType<MagnitudeSparsityConfig> = z.strictObject({
  sparsity_init: z.number().min(0).max(1).optional(),
  weight_importance: importance,
  params: params.optional(),
  ...scopingShape,
});
