import type { FloatHistogram } from './float-histogram.ts';

/** What a range is searched for. */
export interface BestRangeOptions {
  /** Points of the grid. */
  readonly levels: number;
  /** The grid lies evenly on both sides of zero, or begins at zero when no value is below it. */
  readonly symmetric: boolean;
}

/** Lowest and highest value of a grid. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Shares of an end that are tried: from the whole of it to a fiftieth, each two per cent smaller than the one before. */
const SHARES: readonly number[] = Array.from({ length: 195 }, (_, i) => 0.98 ** i);
/** The two ends of an asymmetric range depend on each other only through the step, so a few rounds settle both. */
const ROUNDS = 3;

/**
 * The range whose grid has the smallest mean squared error on the values of a histogram: what is cut off, plus Δ²/12 for every value inside,
 * with Δ the distance of two points. Values nearer to zero than Δ/2 become zero, which is on every grid.
 *
 * @returns undefined for a histogram without values
 */
export function bestRange(histogram: FloatHistogram, { levels, symmetric }: BestRangeOptions): Interval | undefined {
  const moments = new Moments(histogram);
  if (moments.count === 0) return undefined;
  const whole = { low: Math.min(moments.lowest, 0), high: Math.max(moments.highest, 0) };
  const error = (range: Interval): number => moments.error(range, levels);
  return symmetric ? bestSymmetric(whole, error) : bestAsymmetric(whole, error);
}

type ErrorOf = (range: Interval) => number;

function bestSymmetric({ low, high }: Interval, error: ErrorOf): Interval {
  const largest = Math.max(-low, high);
  const clip = (t: number): Interval => ({ low: low < 0 ? -t : 0, high: t });
  return clip(largest * smallest(SHARES, (share) => error(clip(largest * share))));
}

function bestAsymmetric(whole: Interval, error: ErrorOf): Interval {
  let range = whole;
  for (let round = 0; round < ROUNDS; round++) {
    const { low } = range;
    const high = whole.high * smallest(SHARES, (share) => error({ low, high: whole.high * share }));
    range = { low: whole.low * smallest(SHARES, (share) => error({ low: whole.low * share, high })), high };
  }
  return range;
}

/** The candidate of least cost, the first of equals. */
function smallest(candidates: readonly number[], cost: (candidate: number) => number): number {
  const costs = candidates.map(cost);
  return candidates[costs.indexOf(Math.min(...costs))] ?? 1;
}

/** Running sums over the buckets of a histogram, so that the error of a range takes a few look-ups. */
class Moments {
  readonly #values: Float64Array;
  /** Sums over the first i buckets of count, count·value and count·value². */
  readonly #sums: readonly [Float64Array, Float64Array, Float64Array];

  constructor(histogram: FloatHistogram) {
    const buckets = [...histogram.buckets()];
    this.#values = Float64Array.from(buckets, ({ low, high }) => (low + high) / 2);
    const total = (power: number): Float64Array => {
      const sums = new Float64Array(buckets.length + 1);
      buckets.forEach(({ count }, i) => (sums[i + 1] = sums[i]! + count * this.#values[i]! ** power));
      return sums;
    };
    this.#sums = [total(0), total(1), total(2)];
  }

  get count(): number {
    return this.#sums[0].at(-1) ?? 0;
  }

  get lowest(): number {
    return this.#values[0] ?? 0;
  }

  get highest(): number {
    return this.#values.at(-1) ?? 0;
  }

  /** Sum of the squared errors of a grid from `low` to `high`. */
  error({ low, high }: Interval, levels: number): number {
    const step = (high - low) / (levels - 1);
    const last = this.#values.length;
    const [a, b] = [this.#firstFrom(low), this.#firstFrom(high)];
    const zero = [Math.max(a, this.#firstFrom(-step / 2)), Math.min(b, this.#firstFrom(step / 2))] as const;
    const inside = this.#between(a, b, 0) - this.#between(...zero, 0);
    return (inside * step ** 2) / 12 + this.#between(...zero, 2) + this.#squaredFrom(low, 0, a) + this.#squaredFrom(high, b, last);
  }

  /** Σ count·(value − end)² over some buckets. */
  #squaredFrom(end: number, from: number, to: number): number {
    return this.#between(from, to, 2) - 2 * end * this.#between(from, to, 1) + end ** 2 * this.#between(from, to, 0);
  }

  #between(from: number, to: number, power: 0 | 1 | 2): number {
    const sums = this.#sums[power];
    return to > from ? sums[to]! - sums[from]! : 0;
  }

  /** Position of the first bucket whose value is `value` or more. */
  #firstFrom(value: number): number {
    let [low, high] = [0, this.#values.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#values[middle]! < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
