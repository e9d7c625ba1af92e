import type { JsonObject } from '@nncf/core';
import { z, type ZodType } from 'zod';
import type { QuantizationMode } from './config.ts';
import { RANGE_ESTIMATOR_TYPES, type RangeEstimatorType } from './range/estimator.ts';

/** How the values of a tensor are rounded. Two places may share a quantizer when their schemes are equal. */
export interface QuantizerScheme {
  readonly mode: QuantizationMode;
  readonly bits: number;
  /** Symmetric only; undefined where the data decide. */
  readonly signed?: boolean | undefined;
  readonly perChannel: boolean;
  /** Symmetric only: as many levels below zero as above. */
  readonly narrowRange: boolean;
  /** Only half of the levels are used. */
  readonly halfRange: boolean;
  /** The logarithm of the scale is trained. */
  readonly logarithmScale: boolean;
}

/** How a quantizer finds its first range. */
export interface RangeSpec {
  readonly type: RangeEstimatorType;
  /** Samples to look at, when `batches` is not given. */
  readonly samples: number;
  readonly batches?: number | undefined;
  readonly minPercentile: number;
  readonly maxPercentile: number;
}

/** Everything that a quantizer is built from: what stands in the `spec` of its plan command. */
export interface QuantizerSpec extends QuantizerScheme {
  /** Shape of every parameter: `[]` per tensor, else that of the tensor with 1 on all but the channel axes. */
  readonly parameterShape: readonly number[];
  readonly range: RangeSpec;
}

const specSchema: ZodType<QuantizerSpec> = z.object({
  mode: z.enum(['symmetric', 'asymmetric']),
  bits: z.int(),
  signed: z.boolean().optional(),
  perChannel: z.boolean(),
  narrowRange: z.boolean(),
  halfRange: z.boolean(),
  logarithmScale: z.boolean(),
  parameterShape: z.array(z.int()),
  range: z.object({
    type: z.enum(RANGE_ESTIMATOR_TYPES),
    samples: z.int(),
    batches: z.int().optional(),
    minPercentile: z.number(),
    maxPercentile: z.number(),
  }),
});

/** Text that is equal for equal schemes. */
export function schemeKey(scheme: QuantizerScheme): string {
  const { mode, bits, signed, perChannel, narrowRange, halfRange, logarithmScale } = scheme;
  return JSON.stringify([mode, bits, signed ?? null, perChannel, narrowRange, halfRange, logarithmScale]);
}

/** A spec as plain data. */
export function specToJson(spec: QuantizerSpec): JsonObject {
  return JSON.parse(JSON.stringify(spec)) as JsonObject;
}

/** The spec that plain data describe. */
export function specFromJson(json: JsonObject): QuantizerSpec {
  return specSchema.parse(json);
}

/** A scheme in a few words: `int8 symmetric signed per-channel`. */
export function describeScheme(scheme: QuantizerScheme): string {
  const unsigned = scheme.mode === 'asymmetric' || scheme.signed === false;
  const sign = scheme.mode === 'asymmetric' || scheme.signed === undefined ? [] : [scheme.signed ? 'signed' : 'unsigned'];
  const extras = [scheme.halfRange ? 'half-range' : '', scheme.logarithmScale ? 'log-scale' : ''].filter((word) => word !== '');
  const granularity = scheme.perChannel ? 'per-channel' : 'per-tensor';
  return [`${unsigned ? 'uint' : 'int'}${scheme.bits}`, scheme.mode, ...sign, granularity, ...extras].join(' ');
}
