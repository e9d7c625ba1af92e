import sharp from 'sharp';
import type { ImageShape } from './dataset.ts';
import { invalidArgument } from './errors.ts';

/** Evaluation preprocessing: the shorter side is scaled (bilinear), then the centre is cut out. */
export interface CropOptions {
  /** Height and width of the result. @default 224 */
  readonly size?: number;
  /** Shorter side before the cut. @default size · 256/224, rounded */
  readonly resize?: number;
}

/** The same with everything decided. */
export interface Crop {
  readonly size: number;
  readonly resize: number;
}

/**
 * Fills in the defaults.
 * @throws NncfError `INVALID_ARGUMENT` when the cut is not a positive number of pixels or larger than the scaled picture.
 */
export function cropOf({ size = 224, resize = Math.round((size * 256) / 224) }: CropOptions): Crop {
  const possible = Number.isInteger(size) && Number.isInteger(resize) && size > 0 && resize >= size;
  if (!possible) throw invalidArgument(`a picture of shorter side ${resize} cannot be cut to ${size} × ${size}`);
  return { size, resize };
}

/** Shape of a decoded picture: RGB. */
export function cropShape({ size }: Crop): ImageShape {
  return [size, size, 3];
}

/**
 * Decodes a JPEG, PNG or WebP picture to RGB bytes `[size, size, 3]`; grey pictures and those with transparency become RGB.
 * Scaled size and place of the cut are rounded as torchvision rounds them, so that published scores can be compared; shrinking gives
 * its pixels, enlarging lies up to half a pixel beside them.
 * @param source path, or the encoded bytes
 * @throws sharp's own error for a file that is not a picture or is cut off
 */
export async function decodeImage(source: string | Uint8Array, crop: Crop): Promise<Uint8Array> {
  const picture = sharp(source, { failOn: 'error' });
  const { width, height } = await picture.metadata();
  const scaled = scaledSize(width, height, crop.resize);
  return (
    picture
      .toColourspace('srgb')
      .removeAlpha()
      // `fastShrinkOnLoad` would scale in the JPEG decoder, which other runtimes do not.
      .resize({ ...scaled, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
      .extract({ left: margin(scaled.width, crop.size), top: margin(scaled.height, crop.size), width: crop.size, height: crop.size })
      .raw()
      .toBuffer()
  );
}

function scaledSize(width: number, height: number, shorter: number): { width: number; height: number } {
  const scaledSide = (side: number): number => Math.trunc((side * shorter) / Math.min(width, height));
  return { width: scaledSide(width), height: scaledSide(height) };
}

/** Half of what is cut off, half to even. */
function margin(length: number, size: number): number {
  const half = (length - size) / 2;
  return half % 2 === 0.5 ? Math.floor(half) : Math.round(half);
}
