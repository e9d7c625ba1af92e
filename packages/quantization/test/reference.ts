/**
 * The formulas of fake quantization in double precision, value by value, written without a look at the implementation: each step says what
 * the paper says and nothing is shared, saved or vectorised.
 */

/** The grid of one value: its ends and the number of its points. */
export interface ReferenceGrid {
  readonly low: number;
  readonly range: number;
  readonly levels: number;
}

/** Rounds to the nearest whole number, to the even one of two equally near. */
export function roundHalfToEven(value: number): number {
  const nearest = [Math.floor(value), Math.ceil(value)].sort((a, b) => Math.abs(value - a) - Math.abs(value - b));
  const [first, second] = nearest as [number, number];
  if (Math.abs(value - first) !== Math.abs(value - second)) return first;
  return first % 2 === 0 ? first : second;
}

/** The grid of a symmetric quantizer with levels [`levelLow`, `levelHigh`]. */
export function symmetricGridOf(scale: number, levelLow: number, levelHigh: number): ReferenceGrid {
  const s = Math.abs(scale) + 1e-16;
  const low = (s * levelLow) / levelHigh;
  return { low, range: s - low, levels: levelHigh - levelLow + 1 };
}

/** The tuned range of an asymmetric quantizer, and the level of zero. */
export function tunedGridOf(inputLow: number, inputRange: number, levels: number): ReferenceGrid & { readonly zeroPoint: number } {
  const n = levels - 1;
  const low = Math.min(inputLow, 0);
  const high = Math.max(inputLow + inputRange, 0);
  const zeroPoint = roundHalfToEven((-low * n) / (high - low));
  const lowered = zeroPoint < n ? (zeroPoint / (zeroPoint - n)) * high : low;
  const raised = zeroPoint > 0 ? ((zeroPoint - n) / zeroPoint) * low : high;
  if (high - lowered > raised - low) return { low: lowered, range: high - lowered, levels, zeroPoint };
  return { low, range: raised - low, levels, zeroPoint };
}

/** The grid of an asymmetric quantizer. */
export function asymmetricGridOf(inputLow: number, inputRange: number, levels: number): ReferenceGrid {
  return tunedGridOf(inputLow, Math.abs(inputRange) + 1e-16, levels);
}

/** The grid point `x` goes to. */
export function quantized(x: number, { low, range, levels }: ReferenceGrid): number {
  const s = (levels - 1) / range;
  const clamped = Math.min(Math.max(x, low), low + range);
  return roundHalfToEven((clamped - low) * s - roundHalfToEven(-low * s)) / s;
}

/** Derivatives of one quantized value by x and by the grid. */
export interface ReferenceGradient {
  readonly dx: number;
  readonly dRange: number;
  readonly dLow: number;
}

/** Derivatives at `x` for the upstream gradient `g`; `levelRatio` is lowest over highest level, 0 for an asymmetric quantizer. */
export function gradientAt(x: number, g: number, grid: ReferenceGrid, levelRatio: number): ReferenceGradient {
  if (x > grid.low + grid.range) return { dx: 0, dRange: g, dLow: g };
  if (x < grid.low) return { dx: 0, dRange: g * levelRatio, dLow: g };
  return { dx: g, dRange: (g * (quantized(x, grid) - x)) / grid.range, dLow: 0 };
}
