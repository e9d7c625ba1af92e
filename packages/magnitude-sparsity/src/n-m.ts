import { tensor, type Tensor } from '@tensorflow/tfjs-core';
import { viewAxis, type AxisView } from './axis.ts';
import { patternInvalid } from './errors.ts';
import { readWeights } from './importance.ts';

/** Options of {@link nmMask}. */
export interface NmOptions {
  /** Weights kept in a group. @default 2 */
  readonly n?: number | undefined;
  /** Size of a group. @default 4 */
  readonly m?: number | undefined;
  /**
   * Axis along which groups are formed; negative from the end. The second to last is that of the input channels in HWIO
   * convolutions and in dense layers, along which hardware skips zeros.
   * @default -2
   */
  readonly axis?: number | undefined;
}

/**
 * N:M mask: of every m neighbours along an axis the n largest by |w| are kept (Zhou et al., arXiv 2102.04010; 2:4 is the pattern
 * of sparse tensor cores). Of equal weights the first is kept, so a full group has exactly n. In a last group of fewer than m
 * weights n are kept all the same.
 *
 * @param weight any shape with at least the axis
 * @returns a float32 tensor of the weight's shape, 1 where a weight is kept
 * @throws NncfError `PATTERN_INVALID`, `AXIS_INVALID`
 */
export function nmMask<T extends Tensor>(weight: T, { n = 2, m = 4, axis = -2 }: NmOptions = {}): T {
  if (!Number.isInteger(n) || !Number.isInteger(m) || n < 1 || n > m) throw patternInvalid(n, m);
  const data = readWeights(weight);
  const mask = new Float32Array(data.length);
  forEachGroup(viewAxis(weight.shape, axis), m, (start, size, step) => keepLargest(data, mask, { start, size, step }, n));
  return tensor(mask, weight.shape, 'float32') as T;
}

function forEachGroup({ outer, size, inner }: AxisView, m: number, visit: (start: number, size: number, step: number) => void): void {
  for (let before = 0; before < outer; before++) {
    for (let at = 0; at < size; at += m) {
      const first = (before * size + at) * inner;
      for (let after = 0; after < inner; after++) visit(first + after, Math.min(m, size - at), inner);
    }
  }
}

/** A group's place in the data. */
interface Group {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/** Keeps the weights that fewer than n of their group go before: larger ones, and equal ones earlier. */
function keepLargest(data: Float32Array, mask: Float32Array, { start, size, step }: Group, n: number): void {
  for (let i = 0; i < size; i++) {
    const own = Math.abs(data[start + i * step] as number);
    let before = 0;
    for (let j = 0; j < size; j++) {
      const other = Math.abs(data[start + j * step] as number);
      if (other > own || (other === own && j < i)) before++;
    }
    if (before < n) mask[start + i * step] = 1;
  }
}
