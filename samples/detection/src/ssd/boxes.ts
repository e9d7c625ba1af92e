/** Edges of boxes, `[boxes, 4]`: top, left, bottom, right. */
export type Corners = Float32Array;

/** Edges of boxes that are given by centre y, centre x, height and width. */
export function cornersOf(centred: Float32Array): Corners {
  const corners = new Float32Array(centred.length);
  for (let at = 0; at < centred.length; at += 4) {
    const [y, x, height, width] = [centred[at]!, centred[at + 1]!, centred[at + 2]!, centred[at + 3]!];
    corners.set([y - height / 2, x - width / 2, y + height / 2, x + width / 2], at);
  }
  return corners;
}

/** Intersection over union of box `i` of one list and box `j` of another; 0 for boxes without an area. */
export function overlap(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number {
  const shared = intersection(a, i, b, j);
  const union = areaOf(a, i) + areaOf(b, j) - shared;
  return union > 0 ? shared / union : 0;
}

/** Area that box `i` of one list and box `j` of another share. */
export function intersection(a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number {
  const [p, q] = [4 * i, 4 * j];
  const height = Math.min(a[p + 2]!, b[q + 2]!) - Math.max(a[p]!, b[q]!);
  const width = Math.min(a[p + 3]!, b[q + 3]!) - Math.max(a[p + 1]!, b[q + 1]!);
  return height > 0 && width > 0 ? height * width : 0;
}

/** Area of box `i` of a list. */
export function areaOf(boxes: ArrayLike<number>, i: number): number {
  return (boxes[4 * i + 2]! - boxes[4 * i]!) * (boxes[4 * i + 3]! - boxes[4 * i + 1]!);
}
