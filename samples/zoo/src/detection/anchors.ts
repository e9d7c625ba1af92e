/** Height and width of a box as shares of the picture's. */
export type BoxShape = readonly [height: number, width: number];

/** The anchors of one feature map: the same shapes around every one of its places. */
export interface AnchorMap {
  readonly rows: number;
  readonly columns: number;
  /** Distance of neighbouring centres as a share of the picture's height and width; the first centre lies half of it from the edge. */
  readonly step: BoxShape;
  readonly shapes: readonly BoxShape[];
}

/**
 * Anchors of a detector (Liu et al. 2015, arXiv 1512.02325, section 2.2: "default boxes") in the order of its outputs: map by map, row by row,
 * column by column, shape by shape.
 * @param clip cut the anchors off at the picture's edges. @default false
 * @returns `[anchors, 4]`: centre y, centre x, height and width as shares of the picture
 */
export function gridAnchors(maps: readonly AnchorMap[], clip = false): Float32Array {
  const anchors: number[] = [];
  for (const { rows, columns, step, shapes } of maps)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++)
        for (const [height, width] of shapes) anchors.push((row + 0.5) * step[0], (column + 0.5) * step[1], height, width);
  return Float32Array.from(clip ? clipped(anchors) : anchors);
}

function clipped(anchors: readonly number[]): number[] {
  return Array.from({ length: anchors.length / 4 }, (_, place) => anchors.slice(4 * place, 4 * place + 4)).flatMap(
    ([y = 0, x = 0, height = 0, width = 0]) => {
      const [top, bottom] = span(y, height);
      const [left, right] = span(x, width);
      return [(top + bottom) / 2, (left + right) / 2, bottom - top, right - left];
    },
  );
}

function span(centre: number, length: number): [number, number] {
  return [Math.max(0, centre - length / 2), Math.min(1, centre + length / 2)];
}

/** Sizes of the anchors of an SSD, one entry a feature map; lengths in pixels of the network's input. */
export interface SsdPriors {
  /** Distance of neighbouring centres. */
  readonly steps: readonly number[];
  /** Side of the small square. */
  readonly minSizes: readonly number[];
  /** The second square has the side √(min · max). */
  readonly maxSizes: readonly number[];
  /** Each ratio of width to height gives an upright and a lying box as large as the small square. */
  readonly aspectRatios: readonly (readonly number[])[];
  /** Cut the anchors off at the picture's edges. @default false */
  readonly clip?: boolean;
}

/**
 * Anchors of an SSD as its publication builds them: the small square, the larger square, then two boxes for every ratio.
 * @param place number of the feature map
 * @param input height and width of the network's input in pixels
 */
export function priorShapes(priors: SsdPriors, place: number, [height, width]: readonly [number, number]): BoxShape[] {
  const min = priors.minSizes[place] ?? 0;
  const max = priors.maxSizes[place] ?? 0;
  const ratios = (priors.aspectRatios[place] ?? []).flatMap((ratio) => [ratio, 1 / ratio]);
  const square = (side: number): BoxShape => [side / height, side / width];
  const boxes = ratios.map((ratio): BoxShape => [min / Math.sqrt(ratio) / height, (min * Math.sqrt(ratio)) / width]);
  return [square(min), square(Math.sqrt(min * max)), ...boxes];
}

/**
 * Anchors as TensorFlow's detection zoo builds them: scales at equal distances, with ratios 1, 2, 1/2, 3, 1/3 and a square between this scale and the
 * next; the lowest map has three small ones only.
 * @param place number of the feature map, of `count`
 */
export function scaleShapes(place: number, count: number): BoxShape[] {
  const scale = (index: number): number => (index >= count ? 1 : LOWEST + ((HIGHEST - LOWEST) * index) / (count - 1));
  const box = (side: number, ratio: number): BoxShape => [side / Math.sqrt(ratio), side * Math.sqrt(ratio)];
  if (place === 0) return [box(LOWEST / 2, 1), box(LOWEST, 2), box(LOWEST, 1 / 2)];
  const between = Math.sqrt(scale(place) * scale(place + 1));
  return [...[1, 2, 1 / 2, 3, 1 / 3].map((ratio) => box(scale(place), ratio)), box(between, 1)];
}

const LOWEST = 0.2;
const HIGHEST = 0.95;
