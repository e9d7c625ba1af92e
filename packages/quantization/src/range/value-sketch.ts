import { FloatHistogram } from './float-histogram.ts';

/** How much a {@link ValueSketch} remembers. */
export interface SketchOptions {
  /** Up to this many values it is exact. */
  readonly exactValues: number;
  /** Beyond, a quantile is off by at most 2^−mantissaBits of its value. */
  readonly mantissaBits: number;
}

/**
 * Quantiles of any number of finite float32 values in bounded memory: exact as long as the values fit `exactValues`, from then on out of a
 * histogram with relative buckets, linear within a bucket. Deterministic, and the order of the values does not matter.
 */
export class ValueSketch {
  readonly #options: SketchOptions;
  #values = new Float32Array(0);
  #histogram: FloatHistogram | undefined;
  #count = 0;
  #min = Infinity;
  #max = -Infinity;

  constructor(options: SketchOptions) {
    this.#options = options;
  }

  /** Values added so far. */
  get count(): number {
    return this.#count;
  }

  /** Takes every one of the values into account. They are copied. */
  addAll(values: Float32Array): void {
    for (let i = 0; i < values.length; i++) {
      this.#min = Math.min(this.#min, values[i]!);
      this.#max = Math.max(this.#max, values[i]!);
    }
    if (this.#count + values.length > this.#options.exactValues) this.#histogram ??= this.#spill();
    if (this.#histogram !== undefined) this.#histogram.addAll(values);
    else this.#store(values);
    this.#count += values.length;
  }

  /** The value below which a share `q` (0 to 1) of the values lies, linear between neighbours. NaN when there are no values. */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN;
    const position = (this.#count - 1) * q;
    const rank = Math.floor(position);
    const [at, next] = this.#neighbours(rank);
    return at + (position - rank) * (next - at);
  }

  /** The median of the distances of the values from `center`. NaN when there are no values. */
  medianDeviation(center: number): number {
    const deviations = new ValueSketch(this.#options);
    if (this.#histogram === undefined) {
      deviations.addAll(this.#values.subarray(0, this.#count).map((value) => Math.abs(value - center)));
    } else {
      const histogram = (deviations.#histogram = new FloatHistogram(this.#options.mantissaBits));
      for (const bucket of this.#histogram.buckets()) {
        const distance = Math.abs(Math.max(bucket.low, this.#min) / 2 + Math.min(bucket.high, this.#max) / 2 - center);
        histogram.add(distance, bucket.count);
        deviations.#max = Math.max(deviations.#max, distance);
      }
      deviations.#min = 0;
      deviations.#count = this.#count;
    }
    return deviations.quantile(0.5);
  }

  #store(values: Float32Array): void {
    const needed = this.#count + values.length;
    if (needed > this.#values.length) {
      const larger = new Float32Array(Math.max(needed, Math.min(2 * this.#values.length, this.#options.exactValues)));
      larger.set(this.#values.subarray(0, this.#count));
      this.#values = larger;
    }
    this.#values.set(values, this.#count);
  }

  #spill(): FloatHistogram {
    const histogram = new FloatHistogram(this.#options.mantissaBits);
    histogram.addAll(this.#values.subarray(0, this.#count));
    this.#values = new Float32Array(0);
    return histogram;
  }

  // The values of this rank and the next; a rank counts from 0 at the smallest value.
  #neighbours(rank: number): [number, number] {
    const last = Math.min(rank + 1, this.#count - 1);
    if (this.#histogram !== undefined) return [this.#estimate(this.#histogram, rank), this.#estimate(this.#histogram, last)];
    const sorted = this.#values.subarray(0, this.#count).sort();
    return [sorted[rank]!, sorted[last]!];
  }

  #estimate(histogram: FloatHistogram, rank: number): number {
    let below = 0;
    for (const bucket of histogram.buckets()) {
      if (rank < below + bucket.count) {
        const low = Math.max(bucket.low, this.#min);
        const high = Math.min(bucket.high, this.#max);
        return low + ((high - low) * (rank - below + 0.5)) / bucket.count;
      }
      below += bucket.count;
    }
    return this.#max;
  }
}
