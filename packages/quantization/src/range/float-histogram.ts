const EXPONENT_BITS = 23;
const NEGATIVE = 256;

const scratchFloat = new Float32Array(1);
const scratchBits = new Uint32Array(scratchFloat.buffer);

/**
 * Counts float32 values in buckets that are fine near zero and coarse far from it: a bucket holds the values that share sign, exponent
 * and the first `mantissaBits` bits of the mantissa, so it spans at most 2^−mantissaBits of the value itself. Nothing has to be known of
 * the data beforehand, and memory is bounded whatever the number of values: one page of 2^mantissaBits counts for every sign and exponent
 * that occurs. Subnormal values count as zero. (The idea of relative-error buckets is that of DDSketch, arXiv 1908.10693.)
 */
export class FloatHistogram {
  readonly #shift: number;
  readonly #pageMask: number;
  readonly #pages: (Float64Array | undefined)[] = Array.from({ length: 2 * NEGATIVE }, () => undefined);

  constructor(mantissaBits: number) {
    this.#shift = EXPONENT_BITS - mantissaBits;
    this.#pageMask = 2 ** mantissaBits - 1;
  }

  /** Counts every one of the values. */
  addAll(values: Float32Array): void {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) this.#addBits(bits[i]!, 1);
  }

  /** Counts a value `count` times. */
  add(value: number, count: number): void {
    scratchFloat[0] = value;
    this.#addBits(scratchBits[0]!, count);
  }

  #addBits(bits: number, count: number): void {
    const page = (this.#pages[bits >>> EXPONENT_BITS] ??= new Float64Array(this.#pageMask + 1));
    page[(bits >>> this.#shift) & this.#pageMask]! += count;
  }

  /** Buckets from the lowest value to the highest: their ends and how many values they hold. */
  *buckets(): Generator<Bucket> {
    for (let page = this.#pages.length - 1; page > NEGATIVE; page--) yield* this.#page(page);
    const zeros = this.#total(0) + this.#total(NEGATIVE);
    if (zeros > 0) yield { low: 0, high: 0, count: zeros };
    for (let page = 1; page < NEGATIVE; page++) yield* this.#page(page);
  }

  *#page(page: number): Generator<Bucket> {
    const counts = this.#pages[page];
    if (counts === undefined) return;
    for (let i = 0; i < counts.length; i++) {
      const index = page < NEGATIVE ? i : counts.length - 1 - i;
      if (counts[index]! > 0) yield this.#bucket(page, index, counts[index]!);
    }
  }

  #bucket(page: number, index: number, count: number): Bucket {
    const bits = page * 2 ** EXPONENT_BITS + index * 2 ** this.#shift;
    const [near, far] = [fromBits(bits), fromBits(bits + 2 ** this.#shift)];
    return page < NEGATIVE ? { low: near, high: far, count } : { low: far, high: near, count };
  }

  #total(page: number): number {
    return this.#pages[page]?.reduce((total, count) => total + count, 0) ?? 0;
  }
}

/** Values from `low` to `high`. */
export interface Bucket {
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

function fromBits(bits: number): number {
  scratchBits[0] = bits;
  return scratchFloat[0]!;
}
