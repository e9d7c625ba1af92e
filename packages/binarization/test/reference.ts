/**
 * The formulas of binarization in double precision, value by value, written without a look at the implementation.
 */

/** What becomes of one activation. */
export function binarized(x: number, s: number, t: number): number {
  return x > Math.fround(Math.fround(t) * Math.fround(s)) ? s : 0;
}

/** Derivatives of one binarized activation by x, s and t for the upstream gradient g. */
export function gradientAt(x: number, g: number, s: number, t: number): { readonly dx: number; readonly ds: number; readonly dt: number } {
  return {
    dx: x >= 0 && x <= s ? g : 0,
    ds: x <= s ? (g * (binarized(x, s, t) - x)) / s : g,
    dt: x > 0 && x < s ? -g : 0,
  };
}

/** A weight by the mean magnitude of its filter, which every `filters`-th value belongs to. */
export function signedMeans(w: readonly number[], filters: number): number[] {
  return w.map((value, i) => {
    const filter = w.filter((_, k) => k % filters === i % filters);
    const mean = filter.reduce((sum, each) => sum + Math.abs(each), 0) / filter.length;
    return value > 0 ? mean : -mean;
  });
}
