import { axisInvalid } from './errors.ts';

/** A row-major shape seen from one axis. */
export interface AxisView {
  /** Elements before the axis. */
  readonly outer: number;
  /** Elements along the axis. */
  readonly size: number;
  /** Elements after the axis: the step from one element to the next along it. */
  readonly inner: number;
}

/** The axis counted from the start. @throws NncfError `AXIS_INVALID` */
export function resolveAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(resolved) || resolved < 0 || resolved >= rank) throw axisInvalid(axis, rank);
  return resolved;
}

/** Splits a shape at an axis; a negative one counts from the end. @throws NncfError `AXIS_INVALID` */
export function viewAxis(shape: readonly number[], axis: number): AxisView {
  const at = resolveAxis(axis, shape.length);
  return { outer: product(shape.slice(0, at)), size: shape[at] as number, inner: product(shape.slice(at + 1)) };
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total * size, 1);
}
