import { schemeKey, type QuantizerScheme } from '../scheme.ts';
import type { QuantizerGroup } from './schemes.ts';

/** The wish that an operand be quantized. */
export interface Demand {
  /** How, with the best of `bits`. */
  readonly scheme: QuantizerScheme;
  /** Widths that will do, best first. */
  readonly bits: readonly number[];
  /** Widths that the device computes in integers; undefined for any. */
  readonly supported: readonly number[] | undefined;
  /** Axes of the operand with a scale for every position; none per tensor. */
  readonly axes: readonly number[];
  readonly group: QuantizerGroup;
  /** Demands whose sets are joined get one quantizer. */
  readonly unify: number;
  /** Whether an operation or the user wants several tensors on one grid, this one among them. */
  readonly isUnified: boolean;
}

/** A demand with another width. */
export function withBits(demand: Demand, bits: number): Demand {
  // Half range protects sums of 8-bit products; other widths have no such sums.
  return { ...demand, scheme: { ...demand.scheme, bits, halfRange: demand.scheme.halfRange && bits === 8 } };
}

/** Text that is equal for demands that one quantizer serves as they stand. */
export function demandKey({ group, scheme, axes }: Demand): string {
  return `${group} ${schemeKey(scheme)} ${String(axes)}`;
}

/** The demand with each width that will do, best first. */
export function variantsOf(demand: Demand): readonly Demand[] {
  return demand.bits.map((bits) => withBits(demand, bits));
}

/** Widths of the first list that all lists have; undefined stands for any width. */
export function commonWidths(lists: readonly (readonly number[] | undefined)[]): readonly number[] | undefined {
  const known = lists.filter((list) => list !== undefined);
  return known[0]?.filter((width) => known.every((list) => list.includes(width)));
}
