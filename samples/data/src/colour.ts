import type { Random } from './random.ts';

/** Random changes of brightness, contrast and saturation: each factor is drawn from 1 − x … 1 + x. */
export interface ColourJitter {
  /** @default 0 */
  readonly brightness?: number;
  /** Distance from the mean of the picture's luma. @default 0 */
  readonly contrast?: number;
  /** Distance from each pixel's luma; grey pictures have none. @default 0 */
  readonly saturation?: number;
}

/** Factors of one picture. */
export interface ColourFactors {
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/** Draws the factors of one picture. */
export function drawColour({ brightness = 0, contrast = 0, saturation = 0 }: ColourJitter, random: Random): ColourFactors {
  const factor = (reach: number): number => 1 + reach * (2 * random.next() - 1);
  return { brightness: factor(brightness), contrast: factor(contrast), saturation: factor(saturation) };
}

/**
 * A picture with its colours changed, brightness first, then contrast, then saturation; values are cut to 0 … 255 after each.
 * @param pixels RGB or grey, row by row
 */
export function withColour(pixels: Uint8Array, channels: number, { brightness, contrast, saturation }: ColourFactors): Uint8Array {
  const lit = Uint8ClampedArray.from(pixels, (value) => value * brightness);
  const mean = meanLuma(lit, channels);
  const changed = lit.map((value) => mean + (value - mean) * contrast);
  if (channels === 3 && saturation !== 1) saturate(changed, saturation);
  return new Uint8Array(changed.buffer);
}

function saturate(pixels: Uint8ClampedArray, factor: number): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const grey = luma(pixels, at);
    for (let channel = 0; channel < 3; channel++) pixels[at + channel] = grey + (pixels[at + channel]! - grey) * factor;
  }
}

function meanLuma(pixels: Uint8ClampedArray, channels: number): number {
  let sum = 0;
  for (let at = 0; at < pixels.length; at += channels) sum += channels === 3 ? luma(pixels, at) : pixels[at]!;
  return (sum * channels) / pixels.length;
}

/** Luma of ITU-R BT.601. */
function luma(pixels: Uint8ClampedArray, at: number): number {
  return 0.299 * pixels[at]! + 0.587 * pixels[at + 1]! + 0.114 * pixels[at + 2]!;
}
