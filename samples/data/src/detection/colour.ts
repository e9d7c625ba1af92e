import type { Random } from '../random.ts';

/** A linear change of colours: red, green and blue of a pixel become matrix · pixel + offset. */
export interface ColourChange {
  /** Three rows of three. */
  readonly matrix: readonly number[];
  /** In steps of 255. */
  readonly offset: number;
}

/** What {@link colourChange} is made from; every default leaves the picture alone. */
export interface ColourSpec {
  /** Added to every channel, in steps of 255. @default 0 */
  readonly brightness?: number;
  /** Factor on every channel. @default 1 */
  readonly contrast?: number;
  /** Distance from grey. @default 1 */
  readonly saturation?: number;
  /** Rotation around grey in degrees. @default 0 */
  readonly hue?: number;
}

/** Shares of red, green and blue in brightness (ITU-R BT.601). */
const LUMA = [0.299, 0.587, 0.114];

/** Hue first, then saturation, contrast and brightness. Saturation and hue are linear here, where SSD's publication changes them in HSV. */
export function colourChange({ brightness = 0, contrast = 1, saturation = 1, hue = 0 }: ColourSpec): ColourChange {
  const matrix = product(saturating(saturation), rotating(hue)).map((value) => contrast * value);
  return { matrix, offset: brightness };
}

/** The photometric distortion of SSD (Liu et al. 2015, section 2.2, after arXiv 1312.5402): each part of it for every second picture, by chance. */
export function drawColourChange(random: Random): ColourChange {
  const perhaps = (low: number, high: number, none: number): number => {
    const value = low + (high - low) * random.next();
    return random.next() < 0.5 ? value : none;
  };
  return colourChange({
    brightness: perhaps(-32, 32, 0),
    contrast: perhaps(0.5, 1.5, 1),
    saturation: perhaps(0.5, 1.5, 1),
    hue: perhaps(-18, 18, 0),
  });
}

/** Changes RGB bytes in place. */
export function changeColours(pixels: Uint8Array, { matrix, offset }: ColourChange): void {
  const [a = 1, b = 0, c = 0, d = 0, e = 1, f = 0, g = 0, h = 0, i = 1] = matrix;
  const clamped = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at < pixels.length; at += 3) {
    const [red, green, blue] = [clamped[at]!, clamped[at + 1]!, clamped[at + 2]!];
    clamped[at] = a * red + b * green + c * blue + offset;
    clamped[at + 1] = d * red + e * green + f * blue + offset;
    clamped[at + 2] = g * red + h * green + i * blue + offset;
  }
}

function saturating(factor: number): number[] {
  return [0, 1, 2].flatMap((row) => LUMA.map((share, column) => (1 - factor) * share + (row === column ? factor : 0)));
}

/** Rotation around the axis of greys, so that a third of a turn makes red green. */
function rotating(degrees: number): number[] {
  const angle = (degrees * Math.PI) / 180;
  const third = (1 - Math.cos(angle)) / 3;
  const across = Math.sin(angle) / Math.sqrt(3);
  const circle = [third + Math.cos(angle), third - across, third + across];
  return [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => circle[(column - row + 3) % 3]!));
}

function product(left: readonly number[], right: readonly number[]): number[] {
  return [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) => [0, 1, 2].reduce((sum, k) => sum + left[3 * row + k]! * right[3 * k + column]!, 0)),
  );
}
