import { availableParallelism } from 'node:os';
import { imageLength, type ImageBytes, type ImageDataset, type Normalization, type RandomView } from './dataset.ts';
import { cropOf, cropShape, decodeImage, type Crop, type CropOptions } from './decode.ts';
import { imagenetNormalization } from './normalization.ts';
import { decodeRandomCrop } from './random-crop.ts';
import { createRandom, epochSeed } from './random.ts';

/** A picture that is decoded when it is read. */
export interface EncodedImage {
  /** The file's name, for reports. */
  readonly file: string;
  /** Encoded bytes; by default they are read from `file`. */
  readonly bytes?: Uint8Array;
  readonly label: number;
}

/** How pictures are decoded. */
export interface DecodeOptions extends CropOptions {
  /** @default imagenetNormalization */
  readonly normalization?: Normalization;
  /** Pictures decoded at the same time. @default the number of processors */
  readonly concurrency?: number;
  /** Hears, once, of each picture that cannot be decoded and is left out. @default a line on standard error */
  readonly onBroken?: (file: string, reason: string) => void;
}

/** What {@link createEncodedDataset} needs. */
export interface EncodedDatasetSpec {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly images: readonly EncodedImage[];
}

/** Dataset whose pictures are decoded, scaled and cut on reading; broken ones are reported and left out. */
export function createEncodedDataset(spec: EncodedDatasetSpec, options: DecodeOptions = {}): ImageDataset {
  const { normalization = imagenetNormalization, concurrency = availableParallelism() } = options;
  const crop = cropOf(options);
  const decode = reportingDecoder(options.onBroken ?? warn);
  const labels = Int32Array.from(spec.images, ({ label }) => label);
  const read = async (indices: Int32Array, view?: RandomView): Promise<ImageBytes> => {
    const decoded = await mapBounded([...indices], concurrency, (index) => decode(spec.images[index]!, decoderOf(crop, index, view)));
    const whole = indices.filter((_, place) => decoded[place] !== undefined);
    const pixels = join(decoded, imageLength(cropShape(crop)), whole.length);
    return { pixels, labels: whole.map((index) => labels[index]!), indices: whole };
  };
  return {
    name: spec.name,
    size: spec.images.length,
    imageShape: cropShape(crop),
    classNames: spec.classNames,
    labels,
    normalization,
    read,
  };
}

/** Applies an asynchronous function to all items, `limit` of them at a time; results in the items' order. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  apply: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [place, item] of queue) results[place] = await apply(item);
  };
  await Promise.all(Array.from({ length: Math.min(Math.max(1, limit), items.length) }, worker));
  return results;
}

/** Turns an encoded picture into pixels. */
type Decoder = (source: string | Uint8Array) => Promise<Uint8Array>;

/** The middle of a picture, or the random part that a view wishes. */
function decoderOf(crop: Crop, index: number, view: RandomView | undefined): Decoder {
  if (view === undefined) return (source) => decodeImage(source, crop);
  const random = createRandom(epochSeed(view.seed, index));
  return (source) => decodeRandomCrop(source, crop.size, view.crop, random);
}

function reportingDecoder(
  onBroken: (file: string, reason: string) => void,
): (image: EncodedImage, decode: Decoder) => Promise<Uint8Array | undefined> {
  const reported = new Set<string>();
  return async ({ file, bytes }, decode) => {
    try {
      return await decode(bytes ?? file);
    } catch (error) {
      if (!reported.has(file)) onBroken(file, error instanceof Error ? error.message : String(error));
      reported.add(file);
      return undefined;
    }
  };
}

function join(parts: readonly (Uint8Array | undefined)[], length: number, count: number): Uint8Array {
  const pixels = new Uint8Array(count * length);
  let at = 0;
  for (const part of parts) {
    if (part === undefined) continue;
    pixels.set(part, at);
    at += length;
  }
  return pixels;
}

function warn(file: string, reason: string): void {
  console.warn(`[nncf] [datasets] ${file} is left out: ${reason}`);
}
