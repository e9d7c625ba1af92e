/**
 * Which anchors count in the classification loss (Liu et al. 2015, section 2.2, hard negative mining): all with an object, and in each picture the anchors
 * without one that have the highest loss, `ratio` times as many.
 * @param losses `[batch, anchors]`
 * @param labels `[batch, anchors]`: above 0 with an object, 0 without, −1 for those that never count
 * @param anchors number of anchors of a picture
 * @returns `[batch, anchors]` of 0 and 1
 */
export function mineHardNegatives(losses: ArrayLike<number>, labels: Int32Array, anchors: number, ratio = 3): Float32Array {
  const weights = Float32Array.from(labels, (label) => Number(label > 0));
  for (let start = 0; start < labels.length; start += anchors) {
    const places = Array.from({ length: anchors }, (_, anchor) => start + anchor);
    const positives = places.filter((place) => labels[place]! > 0).length;
    if (positives === 0) continue;
    const negatives = places.filter((place) => labels[place] === 0).sort((a, b) => losses[b]! - losses[a]! || a - b);
    for (const place of negatives.slice(0, ratio * positives)) weights[place] = 1;
  }
  return weights;
}
