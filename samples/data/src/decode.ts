import sharp from 'sharp';
import type { ImageShape } from './dataset.ts';

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

/** Fills in the defaults. */
export function cropOf({ size = 224, resize = Math.round((size * 256) / 224) }: CropOptions): Crop {
  return { size, resize };
}

/** Shape of a decoded picture: RGB. */
export function cropShape({ size }: Crop): ImageShape {
  return [size, size, 3];
}

/**
 * Decodes a JPEG, PNG or WebP picture to RGB bytes `[size, size, 3]`; grey pictures and those with transparency become RGB.
 * @param source path, or the encoded bytes
 * @throws sharp's own error for a file that is not a picture or is cut off
 */
export async function decodeImage(source: string | Uint8Array, crop: Crop): Promise<Uint8Array> {
  const { size, resize } = crop;
  const margin = Math.floor((resize - size) / 2);
  return (
    sharp(source, { failOn: 'error' })
      .toColourspace('srgb')
      .removeAlpha()
      // `fastShrinkOnLoad` would scale in the JPEG decoder, which other runtimes do not.
      .resize({ width: resize, height: resize, fit: 'cover', kernel: 'linear', fastShrinkOnLoad: false })
      .extract({ left: margin, top: margin, width: size, height: size })
      .raw()
      .toBuffer()
  );
}
