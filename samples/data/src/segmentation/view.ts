import type { Random } from '../random.ts';
import type { PictureSize } from './dataset.ts';

/** Random changes of a training picture and, alike, of its mask. */
export interface SegmentationAugmentation {
  /** Height and width of the part that is cut out. @default the whole picture */
  readonly crop?: PictureSize | undefined;
  /** Smallest and largest factor that the picture is scaled by. @default 1 */
  readonly scale?: readonly [smallest: number, largest: number] | undefined;
  /** Mirror every second picture, by chance. @default false */
  readonly flip?: boolean | undefined;
}

/** Which part of a picture is seen, in pixels of the scaled picture. */
export interface PairView {
  readonly scale: number;
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
}

/** The whole picture as it is. */
export const plainView: PairView = { scale: 1, top: 0, left: 0, flip: false };

/** Draws a view; a picture that is smaller than the part is set into it somewhere. */
export function drawPairView(augment: SegmentationAugmentation, size: PictureSize, random: Random): PairView {
  const { crop = size, scale: [smallest, largest] = [1, 1], flip = false } = augment;
  const scale = smallest + random.next() * (largest - smallest);
  const shift = (axis: 0 | 1): number => Math.round(random.next() * (Math.round(size[axis] * scale) - crop[axis]));
  const [top, left] = [shift(0), shift(1)];
  return { scale, top, left, flip: flip && random.next() < 0.5 };
}

/** Where a row or column of the view reads: two neighbours, how far it lies from the first, and the nearest; −1 outside. */
interface Readings {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly fraction: Float32Array;
  readonly nearest: Int32Array;
}

function readings(count: number, length: number, scale: number, shift: number, mirrored: boolean): Readings {
  const [low, high, nearest] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  const fraction = new Float32Array(count);
  for (let place = 0; place < count; place++) {
    // Centres of pixels: half a pixel is half a pixel at every scale.
    const at = (place + shift + 0.5) / scale - 0.5;
    const isOutside = at < -0.5 || at >= length - 0.5;
    const inside = Math.min(Math.max(at, 0), length - 1);
    const target = mirrored ? count - 1 - place : place;
    low[target] = Math.floor(inside);
    high[target] = Math.min(Math.floor(inside) + 1, length - 1);
    fraction[target] = inside - Math.floor(inside);
    nearest[target] = isOutside ? -1 : Math.round(inside);
  }
  return { low, high, fraction, nearest };
}

/** Writes the pairs of a view somewhere. */
export interface ViewTarget {
  /** Normalized pixels and the classes of a batch, and the place of this picture in it. */
  readonly pixels: Float32Array;
  readonly masks: Int32Array;
  readonly place: number;
}

/** How pixels are normalized: `(value − mean) · factor` for each channel, value 0 … 255; and what is outside the picture. */
export interface PixelRule {
  readonly mean: readonly number[];
  readonly factor: readonly number[];
  readonly ignored: number;
}

/**
 * Writes what a view shows of a pair: pixels between four (linear), the mask by the nearest. Outside the picture pixels are 0 after normalization, the
 * mean, and the class is the one that is ignored.
 */
export function writePair(
  pair: { readonly pixels: Uint8Array; readonly mask: Uint8Array; readonly size: PictureSize },
  view: PairView,
  size: PictureSize,
  rule: PixelRule,
  { pixels, masks, place }: ViewTarget,
): void {
  const [height, width] = size;
  const rows = readings(height, pair.size[0], view.scale, view.top, false);
  const columns = readings(width, pair.size[1], view.scale, view.left, view.flip);
  let at = place * height * width;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const isOutside = rows.nearest[row]! < 0 || columns.nearest[column]! < 0;
      masks[at] = isOutside ? rule.ignored : pair.mask[rows.nearest[row]! * pair.size[1] + columns.nearest[column]!]!;
      if (!isOutside) writePixel(pair, rows, row, columns, column, rule, pixels, 3 * at);
    }
  }
}

function writePixel(
  { pixels, size }: { readonly pixels: Uint8Array; readonly size: PictureSize },
  rows: Readings,
  row: number,
  columns: Readings,
  column: number,
  { mean, factor }: PixelRule,
  target: Float32Array,
  at: number,
): void {
  const [down, right] = [rows.fraction[row]!, columns.fraction[column]!];
  const [top, bottom] = [rows.low[row]! * size[1], rows.high[row]! * size[1]];
  const [left, end] = [columns.low[column]!, columns.high[column]!];
  for (let channel = 0; channel < 3; channel++) {
    const value = (line: number, place: number): number => pixels[(line + place) * 3 + channel]!;
    const above = value(top, left) * (1 - right) + value(top, end) * right;
    const below = value(bottom, left) * (1 - right) + value(bottom, end) * right;
    target[at + channel] = (above * (1 - down) + below * down - mean[channel]!) * factor[channel]!;
  }
}
