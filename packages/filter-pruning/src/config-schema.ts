import { scopingShape } from '@nncf/core';
import { z, type ZodType } from 'zod';
import type { FilterPruningConfig, FilterPruningParams } from './config.ts';

const level = z.number().min(0).lt(1).optional();
const epochs = z.number().nonnegative().optional();
const flag = z.boolean().optional();

const params: ZodType<FilterPruningParams> = z
  .strictObject({
    schedule: z.enum(['baseline', 'exponential', 'exponential_with_bias']).optional(),
    pruning_init: level,
    pruning_target: level,
    pruning_flops_target: level,
    num_init_steps: epochs,
    pruning_steps: epochs,
    filter_importance: z.enum(['L1', 'L2', 'geometric_median']).optional(),
    filters_multiple_of: z.int().positive().optional(),
    all_weights: flag,
    prune_first_conv: flag,
    prune_downsample_convs: flag,
  })
  .refine(({ pruning_target, pruning_flops_target }) => pruning_target === undefined || pruning_flops_target === undefined, {
    path: ['pruning_flops_target'],
    message: 'give a target for filters or one for multiply-adds, not both',
  });

/** Validates the section. */
export const filterPruningSchema: ZodType<FilterPruningConfig> = z.strictObject({
  pruning_init: level,
  params: params.optional(),
  ...scopingShape,
});
