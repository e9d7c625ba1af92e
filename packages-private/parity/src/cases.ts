import type { AlgorithmConfig, JsonObject, NncfConfig } from '@nncf/core';
import type { NetworkName } from './networks.ts';

/** One network under one configuration. */
export interface Case {
  readonly name: string;
  readonly network: NetworkName;
  /** For the table. */
  readonly scheme: string;
  /** The section `compression`, read by both sides. */
  readonly section: AlgorithmConfig;
  /** `ANY` allows what no CPU computes in integers; NNCF calls it `TRIAL`. */
  readonly device: 'CPU' | 'ANY';
  /**
   * Quantizers that see zeros, where a statistic differs in those by choice: nothing but the ranges of the others is compared then, since
   * nothing behind another range can be equal.
   */
  readonly unlike?: readonly string[];
}

/** Pictures in a batch; two batches give the ranges, the first is trained on. */
export const BATCH = 4;
export const STEPS = 20;
/**
 * A ReLU6 has corners, and in four million values now and then one lies on a corner to the last bit: its share of the gradients is there on one side
 * only. The smaller rate keeps what follows from that below what is compared.
 */
const LEARNING_RATES: Readonly<Record<NetworkName, number>> = { small: 0.01, resnet20: 0.01, mobilenet_v2: 0.001 };

/** Learning rate of a case, for weights and quantizers alike. */
export function learningRateOf({ network }: Case): number {
  return LEARNING_RATES[network];
}

const MODES = ['symmetric', 'asymmetric'] as const;

/** What the issue asks for: every network, both modes, scales of weights per tensor and per channel. */
const MAIN: readonly Case[] = (['small', 'resnet20', 'mobilenet_v2'] as const).flatMap((network) =>
  MODES.flatMap((mode) =>
    [false, true].map((perChannel) =>
      caseOf(network, `${mode}, per ${perChannel ? 'channel' : 'tensor'}`, {
        weights: { mode, per_channel: perChannel },
        activations: { mode, per_channel: false },
      }),
    ),
  ),
);

/** The small network under what CPUs do not compute, and with every statistic that gives ranges. */
const MORE: readonly Case[] = [
  ...MODES.map((mode) =>
    caseOf(
      'small',
      `${mode}, activations per channel`,
      { weights: { mode, per_channel: true }, activations: { mode, per_channel: true } },
      'ANY',
    ),
  ),
  // Percentiles, since a weight that is the range's end lies within it or not as exp(log(x)) is rounded.
  ...MODES.map((mode) => caseOf('small', `${mode}, logarithm of the scale`, logarithmic(mode), 'CPU', 'percentile')),
  caseOf(
    'small',
    'asymmetric, 4 bits',
    { weights: { mode: 'asymmetric', bits: 4, per_channel: true }, activations: { mode: 'asymmetric', bits: 4, per_channel: false } },
    'ANY',
  ),
  ...['min_max', 'mixed_min_max', 'threesigma', 'percentile', 'mean_percentile'].flatMap((type) =>
    MODES.map((mode) => statistic(type, mode)),
  ),
];

function statistic(type: string, mode: (typeof MODES)[number]): Case {
  const each = caseOf('small', `${mode}, ${type}`, { weights: { mode }, activations: { mode, per_channel: false } }, 'CPU', type);
  return type === 'threesigma' ? { ...each, unlike: ['relu1', 'depthwise.relu6', 'relu2', 'relu3'] } : each;
}

function logarithmic(mode: (typeof MODES)[number]): JsonObject {
  return {
    weights: { mode, logarithm_scale: true },
    activations: { mode, per_channel: false, logarithm_scale: true },
  };
}

export const CASES: readonly Case[] = [...MAIN, ...MORE];

function caseOf(network: NetworkName, scheme: string, section: JsonObject, device: Case['device'] = 'CPU', type = 'mean_min_max'): Case {
  return {
    name: `${network}-${scheme.replaceAll(/[^a-z0-9_]+/gu, '-')}`,
    network,
    scheme,
    device,
    section: {
      algorithm: 'quantization',
      // NNCF gives up half of the levels for processors of 2018; here that must be asked for.
      overflow_fix: 'disable',
      ...section,
      initializer: { range: { type, num_init_samples: 2 * BATCH }, batchnorm_adaptation: { num_bn_adaptation_samples: 0 } },
    },
  };
}

/** The configuration as this library reads it. */
export function configOf({ device, section }: Case): NncfConfig {
  return { target_device: device, compression: section };
}

/** The same as NNCF for PyTorch reads it: it must know the shape of a batch, channels first. */
export function referenceConfigOf({ device, section }: Case, imageShape: readonly number[]): JsonObject {
  const [height = 0, width = 0, channels = 0] = imageShape;
  return {
    input_info: { sample_size: [BATCH, channels, height, width] },
    target_device: device === 'ANY' ? 'TRIAL' : device,
    compression: section as JsonObject,
  };
}
