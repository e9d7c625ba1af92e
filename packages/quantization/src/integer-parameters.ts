/** What maps real numbers to a quantizer's integers: integer = round(x/scale) + zeroPoint, one of each per channel. */
export interface IntegerParameters {
  /** Distance between neighbouring grid points, float32. */
  readonly scale: Float32Array;
  /** The integer of zero, within the levels. */
  readonly zeroPoint: Int32Array;
  readonly levelLow: number;
  readonly levelHigh: number;
}

/** The ends of a quantizer's range, per channel, and the integers it maps to. */
export interface QuantizedRange {
  readonly low: ArrayLike<number>;
  readonly high: ArrayLike<number>;
  readonly levelLow: number;
  readonly levelHigh: number;
}

/**
 * Scale and zero point for `QuantizeLinear` and its kin.
 *
 *     scale = (high − low)/(levelHigh − levelLow)    zeroPoint = round((levelLow·high − levelHigh·low)/(high − low)), within the levels
 */
export function integerParameters({ low, high, levelLow, levelHigh }: QuantizedRange): IntegerParameters {
  const lows = Array.from(low);
  const widths = lows.map((value, c) => high[c]! - value);
  return {
    scale: Float32Array.from(widths, (width) => width / (levelHigh - levelLow)),
    zeroPoint: Int32Array.from(lows, (value, c) => {
      const exact = (levelLow * high[c]! - levelHigh * value) / widths[c]!;
      return Math.min(Math.max(roundHalfToEven(exact), levelLow), levelHigh);
    }),
    levelLow,
    levelHigh,
  };
}

/**
 * The range of a half-range quantizer in terms of the full integers of its type, for exporters that must name them: the same distance
 * between grid points, twice the points; a grid that is as wide below zero as above stays so. Values must be clipped to the old range first.
 */
export function widenHalfRange({ low, high, levelLow, levelHigh }: QuantizedRange): QuantizedRange {
  const wideLow = levelLow === -levelHigh ? 2 * levelLow - 1 : 2 * levelLow;
  const wideHigh = 2 * levelHigh + 1;
  const lows = Array.from(low);
  const quanta = lows.map((value, c) => (high[c]! - value) / (levelHigh - levelLow));
  return {
    low: lows.map((value, c) => value + (wideLow - levelLow) * quanta[c]!),
    high: lows.map((_, c) => high[c]! + (wideHigh - levelHigh) * quanta[c]!),
    levelLow: wideLow,
    levelHigh: wideHigh,
  };
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
