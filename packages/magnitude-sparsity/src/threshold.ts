import { levelInvalid, weightsNotFinite } from './errors.ts';
import { forEachImportance, importanceDivisor, readWeights, type LayerWeights, type WeightImportance } from './importance.ts';

/** Options of {@link magnitudeThreshold} and `magnitudeMask`. */
export interface MagnitudeOptions {
  /** @default 'normed_abs' */
  readonly importance?: WeightImportance | undefined;
}

/** A layer made ready for several passes. */
interface Layer {
  readonly data: Float32Array;
  readonly divisor: number;
}

/** High half of the bits of infinity; those of a NaN are no smaller. */
const INFINITY_HIGH = 0x7f80;

/**
 * Threshold that makes the least important weights of all given layers together zero.
 *
 * With the N importances in ascending order it is sorted[floor(N·level)], at most the last: weights are kept where
 * importance > threshold. So
 * - level 0 gives −Infinity: nothing is pruned, not even zeros;
 * - level 1 gives the largest importance: everything is pruned;
 * - weights equal to the threshold are all pruned, so ties (and weights that are all equal) give more zeros than asked for.
 *
 * Importance is |w| (`abs`) or |w|/‖w‖₂ of its layer (`normed_abs`), in float32. The threshold is found by counting bits (radix
 * selection), in time linear in N, and the weights are not copied.
 *
 * @param weights one layer or several
 * @param level share of weights to become zero, in [0, 1]
 * @returns an importance; 0 where there are no weights
 * @throws NncfError `SPARSITY_LEVEL_INVALID`, `WEIGHTS_NOT_FINITE`
 */
export function magnitudeThreshold(weights: LayerWeights | readonly LayerWeights[], level: number, options: MagnitudeOptions = {}): number {
  if (!(level >= 0 && level <= 1)) throw levelInvalid(level);
  if (level === 0) return -Infinity;
  const layers = asLayers(weights).map((layer) => prepare(layer, options.importance ?? 'normed_abs'));
  const total = layers.reduce((sum, { data }) => sum + data.length, 0);
  return total === 0 ? 0 : selectRank(layers, Math.min(Math.floor(total * level), total - 1));
}

function asLayers(weights: LayerWeights | readonly LayerWeights[]): readonly LayerWeights[] {
  return isOneLayer(weights) ? [weights] : weights;
}

function isOneLayer(weights: LayerWeights | readonly LayerWeights[]): weights is LayerWeights {
  return !Array.isArray(weights) || typeof weights[0] === 'number';
}

function prepare(weights: LayerWeights, importance: WeightImportance): Layer {
  const data = readWeights(weights);
  return { data, divisor: importanceDivisor(data, importance) };
}

/** The importance with this many smaller or equal ones before it. Bits of floats that are not negative are in their order. */
function selectRank(layers: readonly Layer[], rank: number): number {
  const high = countHigh(layers);
  if (high.subarray(INFINITY_HIGH).some((count) => count > 0)) throw weightsNotFinite();
  const [top, rest] = findRank(high, rank);
  const [bottom] = findRank(countLow(layers, top), rest);
  return floatOfBits(top, bottom);
}

function countHigh(layers: readonly Layer[]): Uint32Array {
  const counts = new Uint32Array(1 << 16);
  forEachBits(layers, (bits, length) => {
    for (let i = 0; i < length; i++) (counts[(bits[i] as number) >>> 16] as number)++;
  });
  return counts;
}

function countLow(layers: readonly Layer[], high: number): Uint32Array {
  const counts = new Uint32Array(1 << 16);
  forEachBits(layers, (bits, length) => {
    for (let i = 0; i < length; i++) if ((bits[i] as number) >>> 16 === high) (counts[(bits[i] as number) & 0xffff] as number)++;
  });
  return counts;
}

function forEachBits(layers: readonly Layer[], visit: (bits: Uint32Array, length: number) => void): void {
  for (const { data, divisor } of layers) {
    forEachImportance(data, divisor, (piece, length) => visit(new Uint32Array(piece.buffer), length));
  }
}

/** Bucket in which a rank lies, and its rank there. */
function findRank(counts: Uint32Array, rank: number): [bucket: number, rest: number] {
  let bucket = 0;
  for (let rest = rank; ; rest -= counts[bucket++] as number) {
    if (rest < (counts[bucket] as number)) return [bucket, rest];
  }
}

function floatOfBits(high: number, low: number): number {
  const float = new Float32Array(1);
  new Uint32Array(float.buffer)[0] = (high << 16) | low;
  return float[0] as number;
}
