/**
 * Reorders the axes of a tensor: axis `i` of the result is axis `perm[i]` of the given one.
 * @param shape of the given tensor
 */
export function permuted(data: Float32Array, shape: readonly number[], perm: readonly number[]): Float32Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const sizes = perm.map((axis) => shape[axis]!);
  const steps = perm.map((axis) => strides[axis]!);
  const result = new Float32Array(data.length);
  const index = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to++) {
    result[to] = data[from]!;
    // Counts up as a clock does, the last axis first.
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      from += steps[axis]!;
      if (index[axis]! < sizes[axis]!) break;
      from -= steps[axis]! * sizes[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
