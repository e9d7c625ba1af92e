import { scopingShape } from '@nncf/core';
import { stagedTrainingShape } from '@nncf/schedulers';
import { z, type ZodType } from 'zod';
import type { BinarizationConfig } from './config.ts';

/** Validates the section. */
export const binarizationSchema: ZodType<BinarizationConfig> = z.strictObject({
  mode: z.enum(['xnor', 'dorefa']).optional(),
  preset: z.enum(['paper']).optional(),
  ...scopingShape,
  params: z.strictObject(stagedTrainingShape).optional(),
  export_to_onnx_standard_ops: z.boolean().optional(),
});
