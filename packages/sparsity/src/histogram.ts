/** Counts of values in equal bins. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

/**
 * Counts values in equal bins from −limit to limit, zero in the middle of the middle one.
 *
 * @param limit beyond it values count in the outermost bins
 * @param bins an odd number
 */
export function histogram(values: ArrayLike<number>, limit: number, bins: number): Histogram {
  const counts = new Uint32Array(bins);
  const width = (2 * limit) / bins;
  for (let i = 0; i < values.length; i++) {
    const bin = limit === 0 ? (bins - 1) / 2 : Math.floor(((values[i] as number) + limit) / width);
    (counts[Math.min(Math.max(bin, 0), bins - 1)] as number)++;
  }
  return { low: -limit, high: limit, counts: [...counts] };
}

/** Largest absolute value, 0 where there are no values. */
export function largest(values: ArrayLike<number>): number {
  let limit = 0;
  for (let i = 0; i < values.length; i++) limit = Math.max(limit, Math.abs(values[i] as number));
  return limit;
}
