import type { InputInfo, ModelGraph, NncfConfig, Progress } from '@nncf/core';
import type { QuantizationConfig, RangeOptions } from '../config.ts';
import { subsetInvalid } from './errors.ts';
import { ignoredNodes, type IgnoredScope } from './ignored-scope.ts';

/** What `target_device` of a configuration may say. */
export type TargetDevice = 'ANY' | 'CPU' | 'CPU_SPR' | 'GPU' | 'NPU' | 'VPU' | 'TRIAL' | 'NONE';

/** Options of {@link quantize}. */
export interface QuantizeOptions {
  /** `performance`: weights and activations symmetric. `mixed`: activations asymmetric. @default 'performance' */
  readonly preset?: 'performance' | 'mixed' | undefined;
  /** Hardware whose integer operations are used. @default 'ANY' */
  readonly targetDevice?: TargetDevice | undefined;
  /** Calibration samples to look at; whole batches are read. @default 300 */
  readonly subsetSize?: number | undefined;
  /** Operations that stay in floating point. One that matches nothing gives a warning. @default none */
  readonly ignoredScope?: IgnoredScope | undefined;
  /** Move biases so that every layer keeps the mean of its result (arXiv 1906.04721, section 4.2). @default true */
  readonly biasCorrection?: boolean | undefined;
  /**
   * Take channels with large activations into the weights behind them (arXiv 2211.10438): `true`, or α from 0 (even weights) to 1 (even activations).
   * Exact through linear layers, ReLU and pooling; ReLU6 does not scale. @default false; α is 0.5
   */
  readonly smoothQuant?: boolean | number | undefined;
  /** Make the channels in front of depthwise convolutions equally loud, which costs nothing (arXiv 1906.04721, section 4.1). @default true */
  readonly stretchChannels?: boolean | undefined;
  /**
   * How ranges of activations are found. @default `min_max`, narrowed to what changes the layers behind least; a type that is named here is taken
   * as it is
   */
  readonly activationRange?: Pick<RangeOptions, 'type' | 'params'> | undefined;
  /** How ranges of weights are found. @default `min_max` */
  readonly weightRange?: Pick<RangeOptions, 'type' | 'params'> | undefined;
  /** Further keys of the section `quantization`: `weights`, `activations`, `scope_overrides`, `overflow_fix`, … */
  readonly config?: Omit<QuantizationConfig, 'preset' | 'ignored_scopes' | 'params'> | undefined;
  /** Sizes of inputs that the model leaves open. */
  readonly inputInfo?: InputInfo | readonly InputInfo[] | undefined;
  /** Hears what runs and how far it is. */
  readonly progress?: Progress | undefined;
  /** Hears warnings. @default console.warn */
  readonly warn?: ((message: string) => void) | undefined;
}

const DEFAULT_SUBSET = 300;

/** Calibration samples to look at. @throws NncfError `SUBSET_INVALID` */
export function subsetSizeOf({ subsetSize = DEFAULT_SUBSET }: QuantizeOptions): number {
  if (Number.isInteger(subsetSize) && subsetSize > 0) return subsetSize;
  throw subsetInvalid(subsetSize);
}

/**
 * The configuration that the options stand for.
 *
 * @param graph of the model; only needed to look up `ignoredScope`
 */
export function configOf(options: QuantizeOptions, graph: ModelGraph | undefined, warn: (message: string) => void): NncfConfig {
  const { preset, targetDevice, inputInfo, ignoredScope, config } = options;
  const ignored = graph === undefined || ignoredScope === undefined ? [] : ignoredNodes(ignoredScope, graph, warn);
  const section: QuantizationConfig = {
    ...config,
    ...(preset === undefined ? {} : { preset }),
    ...(ignored.length === 0 ? {} : { ignored_scopes: ignored }),
    initializer: { ...config?.initializer, range: config?.initializer?.range ?? rangesOf(options) },
  };
  return {
    compression: { algorithm: 'quantization', ...section },
    target_device: targetDevice ?? 'ANY',
    ...(inputInfo === undefined ? {} : { input_info: inputInfo }),
  };
}

/** Whether ranges of activations are left to {@link quantize}. */
export function leavesRanges({ activationRange, config }: QuantizeOptions): boolean {
  return activationRange === undefined && config?.initializer?.range === undefined;
}

function rangesOf(options: QuantizeOptions): NonNullable<QuantizationConfig['initializer']>['range'] {
  const samples = { num_init_samples: subsetSizeOf(options) };
  return [
    { type: 'min_max', ...options.activationRange, ...samples, target_quantizer_group: 'activations' },
    { type: 'min_max', ...options.weightRange, ...samples, target_quantizer_group: 'weights' },
  ];
}
