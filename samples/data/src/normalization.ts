import type { ImageShape, Normalization } from './dataset.ts';
import { invalidArgument } from './errors.ts';

/** Means and deviations of ImageNet's training pictures, RGB; the published networks for CIFAR-10 here use them too. */
export const imagenetNormalization: Normalization = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** Mean and deviation of MNIST's training pictures. */
export const mnistNormalization: Normalization = { mean: [0.1307], std: [0.3081] };

/** Pixels as numbers 0 … 255, RGB: the input of networks trained without scaling. */
export const rawPixels: Normalization = { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] };

/** Where a picture is read from: shift of the crop window in pixels, mirrored or not. */
export interface ImageView {
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
}

/**
 * The 256 normalized values of every channel, `[channels * 256]`: a table look-up is the whole normalization.
 * @throws NncfError `INVALID_ARGUMENT` when the normalization has another number of channels.
 */
export function normalizationTable(normalization: Normalization, channels: number): Float32Array {
  const { mean, std } = normalization;
  if (mean.length !== channels || std.length !== channels) {
    throw invalidArgument(`normalization of ${mean.length} channels does not fit pictures of ${channels}`);
  }
  return Float32Array.from({ length: 256 * channels }, (_, place) => {
    const channel = place >> 8;
    return ((place & 255) / 255 - mean[channel]!) / std[channel]!;
  });
}

/** Writes one picture, normalized, at `offset` of `target`. */
export function writeImage(pixels: Uint8Array, table: Float32Array, target: Float32Array, offset: number): void {
  const channels = table.length >> 8;
  for (let place = 0; place < pixels.length; place += channels) {
    for (let channel = 0; channel < channels; channel++) {
      target[offset + place + channel] = table[(channel << 8) | pixels[place + channel]!]!;
    }
  }
}

/**
 * Writes a shifted, perhaps mirrored picture, normalized, at `offset` of `target`. What lies outside the picture is
 * black (0 before normalization).
 */
export function writeView(
  pixels: Uint8Array,
  shape: ImageShape,
  view: ImageView,
  table: Float32Array,
  target: Float32Array,
  offset: number,
): void {
  const [height, width, channels] = shape;
  let at = offset;
  for (let row = 0; row < height; row++) {
    const sourceRow = row + view.top;
    const rowInside = sourceRow >= 0 && sourceRow < height;
    for (let column = 0; column < width; column++) {
      const sourceColumn = (view.flip ? width - 1 - column : column) + view.left;
      const inside = rowInside && sourceColumn >= 0 && sourceColumn < width;
      const from = (sourceRow * width + sourceColumn) * channels;
      for (let channel = 0; channel < channels; channel++) {
        target[at++] = table[(channel << 8) | (inside ? pixels[from + channel]! : 0)]!;
      }
    }
  }
}
