import sharp from 'sharp';
import type { Random } from './random.ts';

/** A random part of a picture that is scaled to the network's size (Szegedy et al. 2015, arXiv 1409.4842, section 6). */
export interface RandomResizedCrop {
  /** Smallest and largest share of the picture's area. @default [0.08, 1] */
  readonly scale?: readonly [number, number];
  /** Smallest and largest width by height, drawn evenly in the logarithm. @default [3/4, 4/3] */
  readonly ratio?: readonly [number, number];
}

/** A part of a picture in pixels. */
export interface PictureBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const ATTEMPTS = 10;

/** Draws a part of a picture: ten attempts to meet area and ratio, else the largest part in the middle that meets the ratio. */
export function drawCrop(width: number, height: number, crop: RandomResizedCrop, random: Random): PictureBox {
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = crop;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area = width * height * between(scale[0], scale[1], random);
    const shape = Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1]), random));
    const [w, h] = [Math.round(Math.sqrt(area * shape)), Math.round(Math.sqrt(area / shape))];
    if (w > 0 && h > 0 && w <= width && h <= height)
      return { left: random.below(width - w + 1), top: random.below(height - h + 1), width: w, height: h };
  }
  return middle(width, height, ratio);
}

function middle(width: number, height: number, [narrow, wide]: readonly [number, number]): PictureBox {
  const shape = Math.min(Math.max(width / height, narrow), wide);
  const w = Math.min(width, Math.round(height * shape));
  const h = Math.min(height, Math.round(width / shape));
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

function between(low: number, high: number, random: Random): number {
  return low + (high - low) * random.next();
}

/**
 * Decodes a random part of a picture to RGB bytes `[size, size, 3]`.
 * @throws sharp's own error for a file that is not a picture or is cut off
 */
export async function decodeRandomCrop(
  source: string | Uint8Array,
  size: number,
  crop: RandomResizedCrop,
  random: Random,
): Promise<Uint8Array> {
  const picture = sharp(source, { failOn: 'error' });
  const { width, height } = await picture.metadata();
  return picture
    .toColourspace('srgb')
    .removeAlpha()
    .extract(drawCrop(width, height, crop, random))
    .resize({ width: size, height: size, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .raw()
    .toBuffer();
}
