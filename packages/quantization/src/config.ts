import type { Scoping } from '@nncf/core';
import type { StagedTrainingParams } from '@nncf/schedulers';
import type { IgnoredPattern } from './placement/ignored-patterns.ts';
import type { PropagationRule } from './placement/merge.ts';
import type { RangeEstimatorType } from './range/estimator.ts';

/** Where zero lies in a quantizer's range: in its middle or at its lower end, or wherever the data want it. */
export type QuantizationMode = 'symmetric' | 'asymmetric';

/** How one tensor is rounded. */
export interface QuantizerOptions {
  /** @default the preset's */
  readonly mode?: QuantizationMode | undefined;
  /** Bit width, 2 to 16. @default 8 */
  readonly bits?: number | undefined;
  /** Symmetric activations: `true` forces levels on both sides of zero, `false` on one; left out, the data decide. */
  readonly signed?: boolean | undefined;
  /** One scale for every channel. @default true for weights, false for activations */
  readonly per_channel?: boolean | undefined;
}

/** Parameters of the percentile estimators. */
export interface PercentileParams {
  /** @default 0.1 */
  readonly min_percentile?: number | undefined;
  /** @default 99.9 */
  readonly max_percentile?: number | undefined;
}

/** How the first range of a quantizer is found. */
export interface RangeOptions {
  /** Samples to look at; whole batches are read. @default 256 */
  readonly num_init_samples?: number | undefined;
  /** The same in batches: the name of the paper's time. Wins over `num_init_samples`. */
  readonly num_init_steps?: number | undefined;
  /** @default 'mean_min_max' for activations, 'min_max' for weights */
  readonly type?: RangeEstimatorType | undefined;
  readonly params?: PercentileParams | undefined;
}

/** {@link RangeOptions} for some of the quantizers; the first entry that fits a quantizer counts. */
export interface ScopedRangeOptions extends RangeOptions, Scoping {
  /** @default both */
  readonly target_quantizer_group?: 'activations' | 'weights' | undefined;
}

/** Forward passes in training mode that bring the moving statistics of batch normalization in line with the quantized model. */
export interface BatchNormAdaptationOptions {
  /** Samples to run; 0 leaves the statistics alone. @default 2000 */
  readonly num_bn_adaptation_samples?: number | undefined;
  /** The same in batches: the name of the paper's time. Wins over `num_bn_adaptation_samples`. */
  readonly num_bn_adaptation_steps?: number | undefined;
  /** Samples that run first with little memory (momentum 0.1), so that the old statistics are forgotten. @default 0 */
  readonly num_bn_forget_samples?: number | undefined;
  /** The same in batches. Wins over `num_bn_forget_samples`. */
  readonly num_bn_forget_steps?: number | undefined;
}

/** Bit widths that are chosen quantizer by quantizer. */
export interface PrecisionOptions {
  /** `manual`: those of `bitwidth_per_scope`. `hawq`: chosen by the curvature of the task's loss (arXiv 1911.03852). `autoq` is refused. */
  readonly type: 'manual' | 'hawq' | 'autoq';
  /**
   * Pairs of a bit width and an address. `conv1|WEIGHT` means the weights of `conv1`, `conv1|INPUT` the activations that it reads, `conv1|OUTPUT`
   * the quantizer of what it computes; without an ending, weights and inputs.
   */
  readonly bitwidth_per_scope?: readonly (readonly [bits: number, scope: string])[] | undefined;
  /** `hawq`: widths to choose from, as far as the `target_device` has them. @default [2, 4, 8] */
  readonly bits?: readonly number[] | undefined;
  /** `hawq`: samples on which the curvature is estimated; whole batches are taken. @default 100 */
  readonly num_data_points?: number | undefined;
  /** `hawq`: random directions at most. @default 200 */
  readonly iter_number?: number | undefined;
  /** `hawq`: enough directions when one more changes the estimate by less than this share. @default 1e-4 */
  readonly tolerance?: number | undefined;
  /** `hawq`: how many times cheaper than with 8 bits everywhere the model must be, at least. @default 1.5 */
  readonly compression_ratio?: number | undefined;
  /**
   * `hawq`: what `compression_ratio` counts. `bit_operations`: multiply-adds times the larger width of both factors, as NNCF. `model_size`: bits of
   * all quantized weights. @default 'bit_operations'
   */
  readonly budget?: 'bit_operations' | 'model_size' | undefined;
  /** Of `autoq`; `hawq` warns that it has no effect. */
  readonly eval_subset_ratio?: number | undefined;
  /** Of `autoq`; refused with `hawq`. */
  readonly warmup_iter_number?: number | undefined;
  /** `hawq`: a file that `dump_init_precision_data` wrote; its traces are taken instead of new ones. */
  readonly traces_per_layer_path?: string | undefined;
  /** `hawq`: write traces, rounding errors and the assignment to a JSON file: `true` for `hawq_precision.json` in the working folder, or a path. @default false */
  readonly dump_init_precision_data?: boolean | string | undefined;
  /** `hawq`: `strict` gives all quantizers that meet at an operation one width, `liberal` lets weights differ. @default 'liberal' */
  readonly bitwidth_assignment_mode?: 'strict' | 'liberal' | undefined;
}

/** What happens between building the compressed model and training it. */
export interface InitializerOptions {
  /** One set of options for all quantizers, or a list by scope. */
  readonly range?: RangeOptions | readonly ScopedRangeOptions[] | undefined;
  /** Left out, batch normalization keeps its statistics: initialization then changes nothing but quantizers. */
  readonly batchnorm_adaptation?: BatchNormAdaptationOptions | undefined;
  readonly precision?: PrecisionOptions | undefined;
}

/** Wishes for all weights or all activations. */
export interface QuantizerGroupOptions extends QuantizerOptions, Scoping {
  /** Train the logarithm of the scale instead of the scale. @default false */
  readonly logarithm_scale?: boolean | undefined;
}

/** Wishes for all activations. */
export interface ActivationOptions extends QuantizerGroupOptions {
  /** Groups of nodes whose inputs share one quantizer. */
  readonly unified_scale_ops?: readonly (readonly string[])[] | undefined;
  /** The name of `unified_scale_ops` in the paper's time. */
  readonly linked_quantizer_scopes?: readonly (readonly string[])[] | undefined;
}

/** Exceptions for some quantizers. */
export interface QuantizerOverride extends QuantizerOptions {
  readonly initializer?: { readonly range?: RangeOptions | readonly ScopedRangeOptions[] | undefined } | undefined;
}

/** Exceptions by the address of the operation that reads the tensor. */
export type OverridesByScope = Readonly<Record<string, QuantizerOverride>>;

/**
 * Exceptions for weights and for activations, by address. An exact address counts more than a regular expression. Any other key is an address as
 * well, for weights and activations alike: the form of the paper's time.
 */
export interface ScopeOverrides {
  readonly weights?: OverridesByScope | undefined;
  readonly activations?: OverridesByScope | undefined;
  readonly [scope: string]: QuantizerOverride | OverridesByScope | undefined;
}

/** The section `{ "algorithm": "quantization" }`. Keys and defaults are those of NNCF's configuration files unless noted. */
export interface QuantizationConfig extends Scoping {
  readonly initializer?: InitializerOptions | undefined;
  readonly weights?: QuantizerGroupOptions | undefined;
  readonly activations?: ActivationOptions | undefined;
  /** `performance`: both symmetric. `mixed`: weights symmetric, activations asymmetric. @default 'performance' */
  readonly preset?: 'performance' | 'mixed' | undefined;
  /** @default true */
  readonly quantize_inputs?: boolean | undefined;
  /** @default false */
  readonly quantize_outputs?: boolean | undefined;
  /** Operations, or chains of them as `["Concat", "FusedBatchNorm"]`, that count as one: their inputs are quantized and nothing inside is. */
  readonly quantizable_subgraph_patterns?: readonly (string | readonly string[])[] | undefined;
  /** Known parts of networks that stay in floating point. @default none, as NNCF in training; its post-training quantization leaves out `se_block` */
  readonly ignored_patterns?: readonly IgnoredPattern[] | undefined;
  /** `transformer`: only products and convolutions are quantized, and the product of attention weights and values is not. @default any network */
  readonly model_type?: 'transformer' | undefined;
  /** One quantizer or several where several operations read a tensor. @default 'MERGE_ALL_IN_ONE' */
  readonly quantizer_propagation_rule?: PropagationRule | undefined;
  readonly scope_overrides?: ScopeOverrides | undefined;
  /** Format of exported files when the export itself does not say: standard QuantizeLinear/DequantizeLinear or OpenVINO's FakeQuantize. @default true */
  readonly export_to_onnx_standard_ops?: boolean | undefined;
  /**
   * Weights of 8 bits use half of their levels, so that sums do not overflow on processors without VNNI. @default 'disable' (NNCF: 'enable', for
   * processors older than this library)
   */
  readonly overflow_fix?: 'enable' | 'disable' | 'first_layer_only' | undefined;
  /** Makes the quantization staged: weights and activations start at epochs of their own (1 unless said), and the learning rate follows. */
  readonly params?: StagedTrainingParams | undefined;
  /** Factor on the gradients of the quantizers' parameters. @default 1 */
  readonly compression_lr_multiplier?: number | undefined;
}

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    quantization: QuantizationConfig;
  }
}
