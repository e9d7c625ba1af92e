/**
 * How a tensor of TensorFlow lies in the file: `layout[i]` is the TensorFlow axis that ONNX axis `i` holds. An axis of
 * size 1 may be left out, so squeezing, expanding and transposing are mere relabelings.
 */
export type Layout = readonly number[];

/** Sizes along TensorFlow's axes; `null` where the size follows the batch. */
export type Sizes = readonly (number | null)[];

/** TensorFlow's own layout. */
export function plainLayout(rank: number): Layout {
  return Array.from({ length: rank }, (_, axis) => axis);
}

/** Channels behind the batch: NCHW for rank 4. Ranks below 3 have no space, theirs is the plain layout. */
export function channelsFirst(rank: number): Layout {
  if (rank < 3) return plainLayout(rank);
  return [0, rank - 1, ...Array.from({ length: rank - 2 }, (_, i) => i + 1)];
}

/** Whether two layouts are the same. */
export function sameLayout(a: Layout, b: Layout): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i]);
}

/** Sizes in the order of a layout. */
export function sizesIn(layout: Layout, sizes: Sizes): Sizes {
  return layout.map((axis) => sizes[axis] ?? (sizes[axis] === null ? null : 1));
}

/** Whether the axis has more than one element, or follows the batch. */
export function isWide(sizes: Sizes, axis: number): boolean {
  return sizes[axis] !== 1;
}

/** The layout without axes of size 1. */
export function wideAxes(layout: Layout, sizes: Sizes): Layout {
  return layout.filter((axis) => isWide(sizes, axis));
}

/**
 * The layout with the wanted axes added where they are missing: at the places that the plain or the channels-first
 * layout has for them when the layout agrees with one of these, else at the end.
 *
 * @param preferred which of the two is tried first
 */
export function completeLayout(layout: Layout, wanted: readonly number[], rank: number, preferred: Layout = plainLayout(rank)): Layout {
  const missing = wanted.filter((axis) => !layout.includes(axis));
  if (missing.length === 0) return layout;
  const axes = new Set([...layout, ...missing]);
  for (const pattern of [preferred, plainLayout(rank), channelsFirst(rank)])
    if (follows(layout, pattern)) return pattern.filter((axis) => axes.has(axis));
  return [...layout, ...missing];
}

function follows(layout: Layout, pattern: Layout): boolean {
  return sameLayout(
    layout,
    pattern.filter((axis) => layout.includes(axis)),
  );
}
