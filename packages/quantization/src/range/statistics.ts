import type { ChannelView } from '../channels.ts';
import { bestRange, type BestRangeOptions } from './best-range.ts';
import { channelValues, type Extremes } from './extremes.ts';
import { FloatHistogram } from './float-histogram.ts';
import { type SketchOptions, ValueSketch } from './value-sketch.ts';

/** One batch: its values in the layout of `view`, and its extremes by channel or by sample. */
export interface Batch {
  readonly values: Float32Array;
  readonly view: ChannelView;
  readonly extremes: Extremes;
}

/** A statistic of batches that ends in a lowest and a highest value for every channel. */
export interface RangeStatistic {
  /** Extremes are wanted of every sample rather than of every channel. */
  readonly bySample?: boolean;
  update(batch: Batch): void;
  extremes(): Extremes;
}

/** How the extremes of several batches or samples become one. */
export type Aggregate = 'extreme' | 'mean';

/** The smallest or mean minimum and the largest or mean maximum of the extremes handed in. */
class ExtremesAggregate {
  readonly #aggregate: { readonly min: Aggregate; readonly max: Aggregate };
  #min: Float64Array | undefined;
  #max: Float64Array | undefined;
  #count = 0;

  constructor(aggregate: { readonly min: Aggregate; readonly max: Aggregate }) {
    this.#aggregate = aggregate;
  }

  add({ min, max }: Extremes): void {
    const { min: ofMin, max: ofMax } = this.#aggregate;
    this.#min = this.#min?.map((old, i) => (ofMin === 'mean' ? old + min[i]! : Math.min(old, min[i]!))) ?? min;
    this.#max = this.#max?.map((old, i) => (ofMax === 'mean' ? old + max[i]! : Math.max(old, max[i]!))) ?? max;
    this.#count++;
  }

  extremes(): Extremes {
    const { min, max } = this.#aggregate;
    return {
      min: this.#min!.map((value) => (min === 'mean' ? value / this.#count : value)),
      max: this.#max!.map((value) => (max === 'mean' ? value / this.#count : value)),
    };
  }
}

/** `min_max` (running extremes) and `mean_min_max` (mean over batches of each batch's extremes). */
export function batchExtremes(aggregate: Aggregate): RangeStatistic {
  const total = new ExtremesAggregate({ min: aggregate, max: aggregate });
  return { update: (batch) => total.add(batch.extremes), extremes: () => total.extremes() };
}

/**
 * `mean_sample_min_max` and `mixed_min_max` of a whole activation: the mean over samples of each sample's maximum, with the mean of the minima
 * beside it, or with their minimum.
 */
export function sampleExtremes(minimum: Aggregate): RangeStatistic {
  const total = new ExtremesAggregate({ min: minimum, max: 'mean' });
  return {
    bySample: true,
    update({ extremes: { min, max } }) {
      for (let i = 0; i < min.length; i++) total.add({ min: min.slice(i, i + 1), max: max.slice(i, i + 1) });
    },
    extremes: () => total.extremes(),
  };
}

/** `percentile`: two percentiles of all values of all batches. */
export function percentiles(shares: readonly [number, number], sketch: (channels: number) => SketchOptions): RangeStatistic {
  const collected = collector(sketch, 'kept');
  return {
    update: (batch) => collected.update(batch),
    extremes: () => ({
      min: collected.map((values) => values.quantile(shares[0])),
      max: collected.map((values) => values.quantile(shares[1])),
    }),
  };
}

/** `mean_percentile`: the mean over batches of each batch's two percentiles. */
export function meanPercentiles(shares: readonly [number, number], sketch: (channels: number) => SketchOptions): RangeStatistic {
  const total = new ExtremesAggregate({ min: 'mean', max: 'mean' });
  return {
    update(batch) {
      const statistic = percentiles(shares, sketch);
      statistic.update(batch);
      total.add(statistic.extremes());
    },
    extremes: () => total.extremes(),
  };
}

/** Buckets within 2^−8 of their value: finer ones would not move the minimum of the error. */
const HISTOGRAM_BITS = 8;

/** `histogram`: the range with the smallest mean squared error of rounding, by channel. */
export function leastError(options: BestRangeOptions): RangeStatistic {
  let histograms: FloatHistogram[] = [];
  return {
    update({ values, view }) {
      if (histograms.length === 0) histograms = Array.from({ length: view.channels }, () => new FloatHistogram(HISTOGRAM_BITS));
      for (const [channel, histogram] of histograms.entries()) {
        histogram.addAll(view.channels === 1 ? values : channelValues(values, view, channel));
      }
    },
    extremes() {
      const ranges = histograms.map((histogram) => bestRange(histogram, options) ?? { low: 0, high: 0 });
      return { min: Float64Array.from(ranges, ({ low }) => low), max: Float64Array.from(ranges, ({ high }) => high) };
    },
  };
}

/** Standard deviations of a normal distribution in one median absolute deviation, to the digits NNCF has. */
const SIGMAS_PER_MAD = 1.482623;

/**
 * `threesigma`: median ± 3·1.4826·MAD of all values but the zeros, which would be most of what a ReLU puts out. A channel that is zero
 * everywhere has the range [0, 0].
 */
export function threeSigma(sketch: (channels: number) => SketchOptions): RangeStatistic {
  const collected = collector(sketch, 'dropped');
  return {
    update: (batch) => collected.update(batch),
    extremes() {
      const median = collected.map((values) => values.quantile(0.5) || 0);
      const spread = collected.map((values, c) => 3 * SIGMAS_PER_MAD * (values.medianDeviation(median[c]!) || 0));
      return { min: median.map((value, c) => value - spread[c]!), max: median.map((value, c) => value + spread[c]!) };
    },
  };
}

/** The values of all batches by channel. */
interface Collector {
  update(batch: Batch): void;
  map(of: (values: ValueSketch, channel: number) => number): Float64Array;
}

function collector(sketch: (channels: number) => SketchOptions, zeros: 'kept' | 'dropped'): Collector {
  let sketches: ValueSketch[] = [];
  return {
    update({ values, view }) {
      if (sketches.length === 0) sketches = Array.from({ length: view.channels }, () => new ValueSketch(sketch(view.channels)));
      for (const [channel, collected] of sketches.entries()) {
        const own = view.channels === 1 ? values : channelValues(values, view, channel);
        collected.addAll(zeros === 'kept' ? own : withoutZeros(own));
      }
    },
    map: (of) => Float64Array.from(sketches, of),
  };
}

function withoutZeros(values: Float32Array): Float32Array {
  const kept = new Float32Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    if (values[i] !== 0) kept[count++] = values[i]!;
  }
  return kept.subarray(0, count);
}
