import type { TypedArray } from '@nncf/core';

/** Row-major strides of a shape. */
function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] ?? 1) * (shape[i + 1] ?? 1);
  return strides;
}

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** An array of the same type and another length. */
export function emptyLike<T extends TypedArray>(data: T, length: number): T {
  return new (data.constructor as new (length: number) => T)(length);
}

/**
 * Reorders the elements of a row-major tensor.
 *
 * @param perm axis of `shape` for each axis of the result; axes of size 1 may be left out
 */
export function transposeData<T extends TypedArray>(data: T, shape: readonly number[], perm: readonly number[]): T {
  const strides = stridesOf(shape);
  return readStrided(
    data,
    perm.map((axis) => shape[axis] ?? 1),
    perm.map((axis) => strides[axis] ?? 0),
  );
}

/** Repeats a row-major tensor along its axes of size 1 until it has the wanted shape of the same rank. */
export function broadcastData<T extends TypedArray>(data: T, shape: readonly number[], wanted: readonly number[]): T {
  const strides = stridesOf(shape).map((stride, i) => (shape[i] === 1 ? 0 : stride));
  return readStrided(data, wanted, strides);
}

function readStrided<T extends TypedArray>(data: T, sizes: readonly number[], strides: readonly number[]): T {
  const out = emptyLike(data, elementsOf(sizes));
  const inner = sizes.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  const index = sizes.map(() => 0);
  let offset = 0;
  for (let at = 0; at < out.length; at += inner) {
    for (let i = 0; i < inner; i++) out[at + i] = data[offset + i * step] ?? 0;
    offset += advance(index, sizes, strides);
  }
  return out;
}

/** Moves an index over all axes but the last to the next row, returns by how much the offset changes. */
function advance(index: number[], sizes: readonly number[], strides: readonly number[]): number {
  let change = 0;
  for (let axis = sizes.length - 2; axis >= 0; axis--) {
    const next = (index[axis] ?? 0) + 1;
    change += strides[axis] ?? 0;
    if (next < (sizes[axis] ?? 1)) {
      index[axis] = next;
      return change;
    }
    change -= (strides[axis] ?? 0) * next;
    index[axis] = 0;
  }
  return change;
}
