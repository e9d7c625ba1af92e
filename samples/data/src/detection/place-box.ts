/** Left, top, right and bottom in pixels; the picture begins at 0. */
export type PixelBox = readonly [left: number, top: number, right: number, bottom: number];

/** A box within its picture. */
export interface PlacedBox {
  /** Top, left, bottom and right as shares of the picture; undefined where nothing of the box is in it. */
  readonly box: readonly [number, number, number, number] | undefined;
  /** Whether more than a pixel was cut off: annotation tools disagree whether the first pixel is 0 or 1. */
  readonly isCut: boolean;
}

/** Cuts a box off at the edges of its picture. */
export function placeBox([left, top, right, bottom]: PixelBox, width: number, height: number): PlacedBox {
  const x = [clamp(left, width), clamp(right, width)] as const;
  const y = [clamp(top, height), clamp(bottom, height)] as const;
  const cut = Math.max(Math.abs(x[0] - left), Math.abs(x[1] - right), Math.abs(y[0] - top), Math.abs(y[1] - bottom));
  const isEmpty = x[1] <= x[0] || y[1] <= y[0];
  return { box: isEmpty ? undefined : [y[0] / height, x[0] / width, y[1] / height, x[1] / width], isCut: cut > 1 };
}

function clamp(value: number, length: number): number {
  return Math.min(Math.max(value, 0), length);
}
