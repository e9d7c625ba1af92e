import * as tf from '@tensorflow/tfjs-core';
import { channelView } from '../channels.ts';
import { rangeNotFinite, rangeOptionsInvalid, rangeWithoutData } from '../errors.ts';
import { float32Values } from '../tensor-values.ts';
import { channelExtremes, nonFiniteOf } from './extremes.ts';
import { batchExtremes, leastError, meanPercentiles, percentiles, type RangeStatistic, sampleExtremes, threeSigma } from './statistics.ts';
import type { SketchOptions } from './value-sketch.ts';

/** The statistics a range can be taken from. */
export const RANGE_ESTIMATOR_TYPES = [
  'min_max',
  'mean_min_max',
  'mixed_min_max',
  'mean_sample_min_max',
  'threesigma',
  'percentile',
  'mean_percentile',
  'histogram',
] as const;

/** Name of a statistic, as NNCF configurations spell it. */
export type RangeEstimatorType = (typeof RANGE_ESTIMATOR_TYPES)[number];

/** Options of {@link createRangeEstimator}. */
export interface RangeEstimatorOptions {
  /**
   * - `min_max`: smallest and largest value of all batches
   * - `mean_min_max`: mean over batches of each batch's extremes; one `update` is one batch
   * - `mixed_min_max`: for a whole activation the mean over samples (first axis) of each sample's maximum, and of its minimum unless
   *   `absoluteMax`; else as `min_max`
   * - `mean_sample_min_max`: the same with the mean of the minima in any case, as NNCF's post-training algorithm does
   * - `threesigma`: median ± 3·1.4826·MAD of all values except zeros
   * - `percentile`: two percentiles of all values, linear between neighbours
   * - `mean_percentile`: mean over batches of each batch's percentiles
   * - `histogram`: the range whose grid of `levels` points rounds all values with the smallest mean squared error
   */
  readonly type: RangeEstimatorType;
  /** Axes with a range for every position; negative ones count from the end. @default [] (one range for the whole tensor) */
  readonly channelAxes?: readonly number[] | undefined;
  /**
   * The quantizer is symmetric: take maxima of magnitudes in the three types on extremes. NNCF does so for symmetric quantizers; it matters where maxima are averaged.
   * @default false
   */
  readonly absoluteMax?: boolean | undefined;
  /** The tensors are weights, so their first axis is no batch. @default false */
  readonly weights?: boolean | undefined;
  /** Lower percentile, 0 to 100. @default 0.1 */
  readonly minPercentile?: number | undefined;
  /** Upper percentile, above the lower. @default 99.9 */
  readonly maxPercentile?: number | undefined;
  /**
   * Values up to which medians and percentiles are exact, over all channels. Beyond, a streaming histogram keeps them within
   * 2^−12 (whole tensor) or 2^−8 (per channel) of the value, in bounded memory.
   * @default 1048576
   */
  readonly exactValues?: number | undefined;
  /** Points of the grid that `histogram` looks for; its ends lie evenly about zero with `absoluteMax`. @default 256 */
  readonly levels?: number | undefined;
  /** How errors call the quantizer. @default 'the quantizer' */
  readonly name?: string | undefined;
}

/** Lowest and highest value. Scalars, or for channels of the tensor's rank with size 1 on every other axis. The caller disposes of them. */
export interface Range {
  readonly min: tf.Tensor;
  readonly max: tf.Tensor;
}

/** Gathers the values of a tensor over batches and gives their range. */
export interface RangeEstimator {
  /** Takes one batch into account. The tensor is read, not kept. */
  update(x: tf.Tensor): void;
  /** @throws NncfError `RANGE_NO_DATA` before any value, `RANGE_NOT_FINITE` when NaN or an infinity was among them */
  range(): Range;
}

const EXACT_VALUES = 2 ** 20;
const FEWEST_EXACT_VALUES_PER_CHANNEL = 1024;

/**
 * An estimator of the range of values, by one of NNCF's statistics. It works in this process's memory in double precision, so that the
 * result is the same on every backend.
 *
 * @throws NncfError `RANGE_OPTIONS_INVALID`
 */
export function createRangeEstimator(options: RangeEstimatorOptions): RangeEstimator {
  const name = options.name ?? 'the quantizer';
  const statistic = createStatistic(options, name);
  let shape: number[] | undefined;
  let nonFinite: number | undefined;

  function update(x: tf.Tensor): void {
    if (x.size === 0) return;
    const axes = resolveAxes(options.channelAxes ?? [], x.rank, name);
    shape ??= parameterShape(x.shape, axes);
    if (!tf.util.arraysEqual(shape, parameterShape(x.shape, axes))) throw shapeChanged(name, shape, x.shape);
    const view = channelView(x.shape, axes);
    if (view === undefined) throw rangeOptionsInvalid(name, `the channel axes ${JSON.stringify(axes)} must be next to each other.`);
    const values = float32Values(x);
    const samples = x.shape[0] ?? 1;
    const rows = statistic.bySample === true ? { outer: 1, channels: samples, inner: x.size / samples } : view;
    const extremes = channelExtremes(values, rows, options.absoluteMax ?? false);
    nonFinite ??= nonFiniteOf(extremes);
    if (nonFinite === undefined) statistic.update({ values, view, extremes });
  }

  function range(): Range {
    if (nonFinite !== undefined) throw rangeNotFinite(name, nonFinite);
    if (shape === undefined) throw rangeWithoutData(name);
    const { min, max } = statistic.extremes();
    return { min: tf.tensor(Float32Array.from(min), shape), max: tf.tensor(Float32Array.from(max), shape) };
  }

  return { update, range };
}

function createStatistic(options: RangeEstimatorOptions, name: string): RangeStatistic {
  const perTensor = (options.channelAxes ?? []).length === 0;
  const sketch = (channels: number): SketchOptions => sketchOptions(options.exactValues ?? EXACT_VALUES, channels);
  switch (options.type) {
    case 'min_max':
      return batchExtremes('extreme');
    case 'mean_min_max':
      return batchExtremes('mean');
    case 'mixed_min_max':
      return perTensor && !options.weights ? sampleExtremes(options.absoluteMax ? 'extreme' : 'mean') : batchExtremes('extreme');
    case 'mean_sample_min_max':
      return perTensor && !options.weights ? sampleExtremes('mean') : batchExtremes('extreme');
    case 'threesigma':
      return threeSigma(sketch);
    case 'percentile':
      return percentiles(percentileShares(options, name), sketch);
    case 'mean_percentile':
      return meanPercentiles(percentileShares(options, name), sketch);
    case 'histogram':
      return leastError({ levels: options.levels ?? 256, symmetric: options.absoluteMax ?? false });
    default:
      throw rangeOptionsInvalid(name, `unknown type ${JSON.stringify(options.type)}, known are ${RANGE_ESTIMATOR_TYPES.join(', ')}.`);
  }
}

function sketchOptions(exactValues: number, channels: number): SketchOptions {
  if (channels === 1) return { exactValues, mantissaBits: 12 };
  return { exactValues: Math.max(FEWEST_EXACT_VALUES_PER_CHANNEL, Math.floor(exactValues / channels)), mantissaBits: 8 };
}

function percentileShares(options: RangeEstimatorOptions, name: string): [number, number] {
  const low = options.minPercentile ?? 0.1;
  const high = options.maxPercentile ?? 99.9;
  if (!(low >= 0 && low < high && high <= 100)) {
    throw rangeOptionsInvalid(name, `the percentiles must be 0 ≤ min < max ≤ 100, found ${low} and ${high}.`);
  }
  return [low / 100, high / 100];
}

function resolveAxes(axes: readonly number[], rank: number, name: string): number[] {
  return axes.map((axis) => {
    const resolved = axis < 0 ? axis + rank : axis;
    if (!(Number.isInteger(axis) && resolved >= 0 && resolved < rank)) {
      throw rangeOptionsInvalid(name, `a tensor of rank ${rank} has no axis ${axis}.`);
    }
    return resolved;
  });
}

function parameterShape(shape: readonly number[], axes: readonly number[]): number[] {
  return axes.length === 0 ? [] : shape.map((size, axis) => (axes.includes(axis) ? size : 1));
}

function shapeChanged(name: string, expected: readonly number[], shape: readonly number[]): Error {
  return rangeOptionsInvalid(
    name,
    `a tensor of shape [${shape.join(', ')}] does not fit the channels [${expected.join(', ')}] of those before.`,
  );
}
