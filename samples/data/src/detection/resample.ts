/** Which pixels of a line make one pixel of the scaled line, and by how much. */
interface Taps {
  readonly starts: Int32Array;
  /** `[pixels, count]`; each row sums to 1. */
  readonly weights: Float32Array;
  readonly count: number;
}

/** Height and width in pixels. */
type Size = readonly [height: number, width: number];

/**
 * Scales RGB bytes bilinearly. Centres of pixels lie at halves, so a place keeps its share of the picture, as boxes do; shrinking weighs with a triangle as wide
 * as the factor, as Pillow and torchvision do. (libvips, which sharp scales with, enlarges with a shift of up to half a pixel, which costs a detector average
 * precision.)
 */
export function resample(pixels: Uint8Array, [height, width]: Size, [newHeight, newWidth]: Size): Uint8Array {
  const rows = alongRows(pixels, height, width, tapsOf(width, newWidth));
  return alongColumns(rows, newWidth, tapsOf(height, newHeight));
}

function tapsOf(length: number, newLength: number): Taps {
  const factor = length / newLength;
  const reach = Math.max(factor, 1);
  const count = Math.min(Math.ceil(2 * reach) + 1, length);
  const starts = new Int32Array(newLength);
  const weights = new Float32Array(newLength * count);
  for (let pixel = 0; pixel < newLength; pixel++) {
    const centre = (pixel + 0.5) * factor;
    const start = Math.min(Math.max(0, Math.floor(centre - reach + 0.5)), length - count);
    const raw = Array.from({ length: count }, (_, tap) => Math.max(0, 1 - Math.abs(start + tap + 0.5 - centre) / reach));
    const sum = raw.reduce((total, weight) => total + weight);
    starts[pixel] = start;
    weights.set(
      raw.map((weight) => weight / sum),
      pixel * count,
    );
  }
  return { starts, weights, count };
}

function alongRows(pixels: Uint8Array, height: number, width: number, { starts, weights, count }: Taps): Float32Array {
  const newWidth = starts.length;
  const result = new Float32Array(height * newWidth * 3);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < newWidth; column++) {
      const to = 3 * (row * newWidth + column);
      const from = 3 * (row * width + starts[column]!);
      for (let tap = 0; tap < count; tap++) addPixel(result, to, pixels, from + 3 * tap, weights[column * count + tap]!);
    }
  return result;
}

function alongColumns(rows: Float32Array, width: number, { starts, weights, count }: Taps): Uint8Array {
  const line = 3 * width;
  const sums = new Float32Array(starts.length * line);
  for (let row = 0; row < starts.length; row++)
    for (let tap = 0; tap < count; tap++) {
      const weight = weights[row * count + tap]!;
      const from = (starts[row]! + tap) * line;
      for (let place = 0; place < line; place++) sums[row * line + place] = sums[row * line + place]! + weight * rows[from + place]!;
    }
  // A clamped array rounds.
  return new Uint8Array(Uint8ClampedArray.from(sums).buffer);
}

function addPixel(target: Float32Array, to: number, source: Uint8Array, from: number, weight: number): void {
  target[to] = target[to]! + weight * source[from]!;
  target[to + 1] = target[to + 1]! + weight * source[from + 1]!;
  target[to + 2] = target[to + 2]! + weight * source[from + 2]!;
}
