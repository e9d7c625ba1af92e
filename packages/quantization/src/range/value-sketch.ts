import { FloatHistogram } from './float-histogram.ts';

/** How much a {@link ValueSketch} remembers. */
export interface SketchOptions {
  /** Up to this many values it is exact. */
  readonly exactValues: number;
  /** Beyond, a quantile is off by at most 2^−mantissaBits of its value. */
  readonly mantissaBits: number;
}

const FIRST_CAPACITY = 1024;

/**
 * Quantiles of any number of finite float32 values in bounded memory: exact as long as the values fit `exactValues`, from then on out of a
 * histogram with relative buckets, linear within a bucket. Deterministic, and the order of the values does not matter.
 */
export class ValueSketch {
  readonly #options: SketchOptions;
  #values = new Float32Array(FIRST_CAPACITY);
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

  add(value: number): void {
    this.#min = Math.min(this.#min, value);
    this.#max = Math.max(this.#max, value);
    if (this.#count === this.#options.exactValues) this.#spill();
    if (this.#histogram !== undefined) this.#histogram.add(value);
    else this.#store(value);
    this.#count++;
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
      for (const value of this.#values.subarray(0, this.#count)) deviations.add(Math.abs(value - center));
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

  #store(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float32Array(Math.min(2 * this.#values.length, this.#options.exactValues));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count] = value;
  }

  #spill(): void {
    this.#histogram = new FloatHistogram(this.#options.mantissaBits);
    for (const value of this.#values.subarray(0, this.#count)) this.#histogram.add(value);
    this.#values = new Float32Array(0);
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
