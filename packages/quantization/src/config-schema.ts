import { scopingShape } from '@nncf/core';
import { stagedTrainingShape } from '@nncf/schedulers';
import { z, type ZodType } from 'zod';
import type {
  ActivationOptions,
  BatchNormAdaptationOptions,
  InitializerOptions,
  PrecisionOptions,
  QuantizationConfig,
  QuantizerGroupOptions,
  QuantizerOverride,
  RangeOptions,
  ScopedRangeOptions,
  ScopeOverrides,
} from './config.ts';
import { IGNORED_PATTERNS } from './placement/ignored-patterns.ts';
import { PROPAGATION_RULES } from './placement/merge.ts';
import { RANGE_ESTIMATOR_TYPES } from './range/estimator.ts';

const count = z.int().nonnegative();
const bitWidth = z.int('a whole number of bits is needed').min(2, 'at least 2 bits are needed').max(16, 'at most 16 bits are possible');
const mode = z.enum(['symmetric', 'asymmetric']);

const quantizerShape = {
  mode: mode.optional(),
  bits: bitWidth.optional(),
  signed: z.boolean().optional(),
  per_channel: z.boolean().optional(),
};

const percentile = z.number().min(0).max(100);

const rangeShape = {
  num_init_samples: count.optional(),
  num_init_steps: count.optional(),
  type: z.enum(RANGE_ESTIMATOR_TYPES).optional(),
  params: z.strictObject({ min_percentile: percentile.optional(), max_percentile: percentile.optional() }).optional(),
};

const rangeOptions: ZodType<RangeOptions> = z.strictObject(rangeShape);
const scopedRangeOptions: ZodType<ScopedRangeOptions> = z.strictObject({
  ...rangeShape,
  ...scopingShape,
  target_quantizer_group: z.enum(['activations', 'weights']).optional(),
});
const range: ZodType<RangeOptions | readonly ScopedRangeOptions[]> = z.union([rangeOptions, z.array(scopedRangeOptions)]);

const batchNormAdaptation: ZodType<BatchNormAdaptationOptions> = z.strictObject({
  num_bn_adaptation_samples: count.optional(),
  num_bn_adaptation_steps: count.optional(),
  num_bn_forget_samples: count.optional(),
  num_bn_forget_steps: count.optional(),
});

const precision: ZodType<PrecisionOptions> = z.strictObject({
  type: z.enum(['manual', 'hawq', 'autoq']),
  bitwidth_per_scope: z.array(z.tuple([bitWidth, z.string().min(1)])).optional(),
  bits: z.array(bitWidth).min(1).optional(),
  num_data_points: z.int().positive().optional(),
  iter_number: z.int().positive().optional(),
  tolerance: z.number().positive().optional(),
  compression_ratio: z.number().positive().optional(),
  budget: z.enum(['bit_operations', 'model_size']).optional(),
  eval_subset_ratio: z.number().positive().max(1).optional(),
  warmup_iter_number: count.optional(),
  traces_per_layer_path: z.string().optional(),
  dump_init_precision_data: z.union([z.boolean(), z.string().min(1)]).optional(),
  bitwidth_assignment_mode: z.enum(['strict', 'liberal']).optional(),
});

const initializer: ZodType<InitializerOptions> = z.strictObject({
  range: range.optional(),
  batchnorm_adaptation: batchNormAdaptation.optional(),
  precision: precision.optional(),
});

const groupShape = { ...quantizerShape, ...scopingShape, logarithm_scale: z.boolean().optional() };
const weights: ZodType<QuantizerGroupOptions> = z.strictObject(groupShape);
const nodeGroups = z.array(z.array(z.string().min(1)).min(1));
const activations: ZodType<ActivationOptions> = z.strictObject({
  ...groupShape,
  unified_scale_ops: nodeGroups.optional(),
  linked_quantizer_scopes: nodeGroups.optional(),
});

const override: ZodType<QuantizerOverride> = z.strictObject({
  ...quantizerShape,
  initializer: z.strictObject({ range: range.optional() }).optional(),
});

const scopeOverrides: ZodType<ScopeOverrides> = z
  .object({ weights: z.record(z.string(), override).optional(), activations: z.record(z.string(), override).optional() })
  .catchall(override);

/** Validates the section; every key that it lets pass acts or is refused by name when the plan is made. */
export const quantizationSchema: ZodType<QuantizationConfig> = z.strictObject({
  initializer: initializer.optional(),
  weights: weights.optional(),
  activations: activations.optional(),
  preset: z.enum(['performance', 'mixed']).optional(),
  quantize_inputs: z.boolean().optional(),
  quantize_outputs: z.boolean().optional(),
  quantizable_subgraph_patterns: z.array(z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])).optional(),
  ignored_patterns: z.array(z.enum(IGNORED_PATTERNS)).optional(),
  model_type: z.enum(['transformer']).optional(),
  quantizer_propagation_rule: z.enum(PROPAGATION_RULES).optional(),
  scope_overrides: scopeOverrides.optional(),
  export_to_onnx_standard_ops: z.boolean().optional(),
  overflow_fix: z.enum(['enable', 'disable', 'first_layer_only']).optional(),
  params: z.strictObject(stagedTrainingShape).optional(),
  ...scopingShape,
  compression_lr_multiplier: z.number().nonnegative().optional(),
});
