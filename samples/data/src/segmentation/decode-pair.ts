import sharp from 'sharp';
import type { EncodedPair, PictureSize } from './dataset.ts';

/** A pair at the size of its dataset. */
export interface DecodedPair {
  /** uint8, `[height, width, 3]`, RGB. */
  readonly pixels: Uint8Array;
  /** uint8, `[height, width]`. */
  readonly mask: Uint8Array;
}

/** Why a pair cannot be used. */
export interface BrokenPair {
  readonly file: string;
  readonly reason: string;
}

/** What the numbers in a mask may be. */
interface Classes {
  readonly classNames: readonly string[];
  readonly ignored: number;
}

/** Decodes a pair and gives both files one size: the picture linearly, the mask by the nearest pixel. */
export async function decodePair(pair: Required<EncodedPair>, classes: Classes, size: PictureSize): Promise<DecodedPair | BrokenPair> {
  try {
    const mask = await readMask(pair.maskBytes);
    const problem = 'reason' in mask ? mask.reason : problemOf(mask, classes);
    if (problem !== undefined) return { file: pair.maskFile, reason: problem };
    return await withPicture(pair, mask as Mask, size);
  } catch (error) {
    return { file: pair.maskFile, reason: messageOf(error) };
  }
}

/** A decoded mask. */
interface Mask {
  readonly values: Uint8Array;
  readonly size: PictureSize;
}

async function readMask(bytes: Uint8Array): Promise<Mask | { readonly reason: string }> {
  const picture = sharp(bytes, { failOn: 'error' });
  const { channels, depth, isPalette } = await picture.metadata();
  if (channels !== 1 || depth !== 'uchar' || isPalette === true) return { reason: 'it is no 8-bit grey picture of class numbers' };
  const { data, info } = await picture.toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  return { values: data, size: [info.height, info.width] };
}

function problemOf({ values, size }: Mask, { classNames, ignored }: Classes): string | undefined {
  const at = values.findIndex((value) => value >= classNames.length && value !== ignored);
  if (at < 0) return undefined;
  const [row, column] = [Math.floor(at / size[1]), at % size[1]];
  return `class ${values[at]} at row ${row}, column ${column} is not known (0 … ${classNames.length - 1}, ${ignored} to be ignored)`;
}

async function withPicture(pair: Required<EncodedPair>, mask: Mask, size: PictureSize): Promise<DecodedPair | BrokenPair> {
  const [height, width] = size;
  try {
    const picture = sharp(pair.bytes, { failOn: 'error' });
    const real = await picture.metadata();
    if (real.height !== mask.size[0] || real.width !== mask.size[1])
      return { file: pair.maskFile, reason: `it is ${mask.size.join(' × ')}, its picture ${real.height} × ${real.width}` };
    const pixels = await picture
      .toColourspace('srgb')
      .removeAlpha()
      .resize({ width, height, fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
      .raw()
      .toBuffer();
    return { pixels, mask: resizeMask(mask.values, mask.size, size) };
  } catch (error) {
    return { file: pair.file, reason: messageOf(error) };
  }
}

/** A mask at another size: the pixel whose centre is nearest. */
export function resizeMask(mask: Uint8Array, from: PictureSize, to: PictureSize): Uint8Array {
  const nearest = (place: number, axis: 0 | 1): number => Math.floor(((place + 0.5) * from[axis]) / to[axis]);
  const columns = Int32Array.from({ length: to[1] }, (_, column) => nearest(column, 1));
  const resized = new Uint8Array(to[0] * to[1]);
  for (let row = 0; row < to[0]; row++) {
    const start = nearest(row, 0) * from[1];
    for (let column = 0; column < to[1]; column++) resized[row * to[1] + column] = mask[start + columns[column]!]!;
  }
  return resized;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
