import { bitsOutOfRange, levelsInvalid } from './errors.ts';

/** The whole numbers a quantizer maps to, both ends included; `levels` = `levelHigh` − `levelLow` + 1. */
export interface LevelRange {
  readonly levelLow: number;
  readonly levelHigh: number;
  readonly levels: number;
}

/** How an integer range follows from a bit width. */
export interface SymmetricLevelOptions {
  /** Bit width, 2 to 16. */
  readonly bits: number;
  /** Levels on both sides of zero. @default true */
  readonly signed?: boolean | undefined;
  /** Give up one level, so that a signed range is as wide below zero as above. @default false */
  readonly narrowRange?: boolean | undefined;
  /** Use the range of one bit less, which keeps 8-bit sums from overflowing on processors without VNNI. @default false */
  readonly halfRange?: boolean | undefined;
}

/** The same for an asymmetric quantizer, which has no sign and no narrow range. */
export interface AsymmetricLevelOptions {
  /** Bit width, 2 to 16. */
  readonly bits: number;
  /** Use the range of one bit less. @default false */
  readonly halfRange?: boolean | undefined;
}

const FEWEST_BITS = 2;
const MOST_BITS = 16;

/**
 * Levels of a symmetric quantizer (arXiv 2002.08679, section 3.1).
 * With b bits: signed [−2^(b−1), 2^(b−1) − 1], narrow [−(2^(b−1) − 1), 2^(b−1) − 1]; unsigned [0, 2^b − 1], narrow [0, 2^b − 2].
 *
 * @throws NncfError `BITS_OUT_OF_RANGE`
 */
export function symmetricLevels(options: SymmetricLevelOptions): LevelRange {
  const bits = effectiveBits(options.bits, options.halfRange ?? false);
  const narrow = options.narrowRange ? 1 : 0;
  if (options.signed ?? true) return levelRange(-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1);
  return levelRange(0, 2 ** bits - 1 - narrow);
}

/**
 * Levels of an asymmetric quantizer: [0, 2^b − 1].
 *
 * @throws NncfError `BITS_OUT_OF_RANGE`
 */
export function asymmetricLevels(options: AsymmetricLevelOptions): LevelRange {
  return levelRange(0, 2 ** effectiveBits(options.bits, options.halfRange ?? false) - 1);
}

/**
 * The range [`levelLow`, `levelHigh`].
 *
 * @throws NncfError `LEVELS_INVALID` when zero is outside or no level lies above it
 */
export function levelRange(levelLow: number, levelHigh: number): LevelRange {
  if (!(levelLow <= 0 && levelHigh > 0)) throw levelsInvalid(levelLow, levelHigh);
  return { levelLow, levelHigh, levels: levelHigh - levelLow + 1 };
}

function effectiveBits(bits: number, halfRange: boolean): number {
  const effective = halfRange ? bits - 1 : bits;
  if (!Number.isInteger(bits) || effective < FEWEST_BITS || bits > MOST_BITS) throw bitsOutOfRange(bits);
  return effective;
}
