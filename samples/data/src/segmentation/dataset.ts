import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Normalization } from '../dataset.ts';
import { mapBounded } from '../encoded.ts';
import { invalidArgument } from '../errors.ts';
import { imagenetNormalization } from '../normalization.ts';
import { orderedIndices } from '../random.ts';
import { decodePair } from './decode-pair.ts';

/** Height and width. */
export type PictureSize = readonly [height: number, width: number];

/** A picture and the classes of its pixels, as files. */
export interface EncodedPair {
  /** The picture's file, for reports. */
  readonly file: string;
  /** The mask's file. */
  readonly maskFile: string;
  /** Encoded bytes; by default they are read from the files. */
  readonly bytes?: Uint8Array;
  readonly maskBytes?: Uint8Array;
}

/** Pictures that were read. */
export interface SegmentationBytes {
  /** uint8, `[count, height, width, 3]`, RGB. */
  readonly pixels: Uint8Array;
  /** Class of every pixel, uint8, `[count, height, width]`. */
  readonly masks: Uint8Array;
  /** Places of the pictures in the dataset. */
  readonly indices: Int32Array;
}

/** Pictures of one size with a class for every pixel. */
export interface SegmentationDataset {
  readonly name: string;
  /** Number of pictures. */
  readonly size: number;
  readonly pictureSize: PictureSize;
  /** Names of the classes that a network tells apart; class `i` has number `i` in the masks. */
  readonly classNames: readonly string[];
  /** Number in the masks of pixels that neither training nor scores look at. */
  readonly ignored: number;
  readonly normalization: Normalization;
  /** Reads the pictures of these places, in this order; a pair that cannot be used is left out. */
  read(indices: Int32Array): Promise<SegmentationBytes>;
}

/** How pairs are decoded. */
export interface PairOptions {
  /** Size that pictures (linear) and masks (nearest) get. */
  readonly pictureSize: PictureSize;
  /** @default imagenetNormalization */
  readonly normalization?: Normalization;
  /** Pairs decoded at the same time. @default the number of processors */
  readonly concurrency?: number;
  /** Hears, once, of each pair that is left out and why. @default a line on standard error */
  readonly onBroken?: (file: string, reason: string) => void;
}

/** What {@link createSegmentationDataset} needs. */
export interface SegmentationSpec {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly ignored: number;
  readonly pairs: readonly EncodedPair[];
}

/**
 * Dataset whose pairs are decoded and resized on reading. Left out, and reported with the file's name, are pairs of which one file cannot be
 * decoded, whose mask has another size than the picture, is not 8-bit grey, or holds a class that is not known.
 * @throws NncfError `INVALID_ARGUMENT` for a size that is no positive number of pixels
 */
export function createSegmentationDataset(spec: SegmentationSpec, options: PairOptions): SegmentationDataset {
  const { pictureSize, normalization = imagenetNormalization, concurrency = availableParallelism(), onBroken = reportBroken } = options;
  if (!pictureSize.every((side) => Number.isInteger(side) && side > 0)) throw invalidArgument(`no picture is ${pictureSize.join(' × ')}`);
  const reported = new Set<string>();
  const decode = async (index: number): ReturnType<typeof decodePair> => {
    const pair = spec.pairs[index]!;
    const decoded = await decodePair(await contents(pair), spec, pictureSize);
    if ('reason' in decoded && !reported.has(decoded.file)) onBroken(decoded.file, decoded.reason);
    if ('reason' in decoded) reported.add(decoded.file);
    return decoded;
  };
  const read = async (indices: Int32Array): Promise<SegmentationBytes> => {
    const decoded = await mapBounded([...indices], concurrency, decode);
    const whole = decoded.flatMap((each, place) => ('reason' in each ? [] : [{ ...each, index: indices[place]! }]));
    return {
      pixels: joined(whole.map(({ pixels }) => pixels)),
      masks: joined(whole.map(({ mask }) => mask)),
      indices: Int32Array.from(whole, ({ index }) => index),
    };
  };
  const { name, classNames, ignored } = spec;
  return { name, size: spec.pairs.length, pictureSize, classNames, ignored, normalization, read };
}

/** Reads every pair once and keeps it; what cannot be used is gone then. */
export async function segmentationToMemory(dataset: SegmentationDataset): Promise<SegmentationDataset> {
  const { pixels, masks, indices } = await dataset.read(orderedIndices(dataset.size));
  const length = dataset.pictureSize[0] * dataset.pictureSize[1];
  const pick = (from: Uint8Array, size: number, places: Int32Array): Uint8Array =>
    joined([...places].map((place) => from.subarray(place * size, (place + 1) * size)));
  const read = (places: Int32Array): Promise<SegmentationBytes> =>
    Promise.resolve({ pixels: pick(pixels, 3 * length, places), masks: pick(masks, length, places), indices: places });
  return { ...dataset, size: indices.length, read };
}

/** A line on standard error. */
export function reportBroken(file: string, reason: string): void {
  console.warn(`[nncf] [datasets] ${file} is left out: ${reason}`);
}

/** A pair with both files read; one that cannot be read is empty, which no decoder takes. */
async function contents(pair: EncodedPair): Promise<Required<EncodedPair>> {
  const bytesOf = (file: string): Promise<Uint8Array> => readFile(file).catch(() => new Uint8Array(0));
  const { file, maskFile, bytes = await bytesOf(file), maskBytes = await bytesOf(maskFile) } = pair;
  return { file, maskFile, bytes, maskBytes };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
