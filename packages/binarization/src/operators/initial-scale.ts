import { scaleNotFinite } from '../errors.ts';

/** Share of the values that lie above the first scale. */
const TOP = 0.001;

/** Below this a scale has no logarithm, or none that training could move: nothing that reaches the layer is positive. */
const SMALLEST = 1e-3;

/**
 * First scale: the smallest of the highest max(1, round(0.001·N)) of N values, and 0.001 at least.
 *
 * @param operator for the message
 * @throws NncfError `SCALE_NOT_FINITE`
 */
export function initialScale(values: Float32Array, operator: string): number {
  const count = Math.max(1, Math.round(values.length * TOP));
  // NaN sorts behind all numbers, so that it shows among the highest.
  const highest = values.toSorted().slice(-count);
  const odd = highest.find((value) => !Number.isFinite(value));
  if (odd !== undefined) throw scaleNotFinite(operator, odd);
  return Math.max(highest[0] ?? 0, SMALLEST);
}
