import { invalidArgument } from './errors.ts';
import type { RandomResizedCrop } from './random-crop.ts';
import { createRandom, orderedIndices, shuffledIndices } from './random.ts';

/** Height, width and channels of a picture. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Per-channel normalization of pixels scaled to [0, 1]: (x / 255 − mean) / std. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Pictures that were read: `pixels` is uint8 in NHWC order, one label and one dataset index for each picture. */
export interface ImageBytes {
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
}

/** A labelled set of pictures of one shape. */
export interface ImageDataset {
  readonly name: string;
  /** Number of pictures. */
  readonly size: number;
  readonly imageShape: ImageShape;
  readonly classNames: readonly string[];
  /** Label of every picture, `[size]`. */
  readonly labels: Int32Array;
  /** The normalization that networks for this data expect. */
  readonly normalization: Normalization;
  /** Reads the pictures of these indices, in this order; a picture that cannot be decoded is left out. */
  read(indices: Int32Array, view?: RandomView): Promise<ImageBytes>;
}

/** Wish for random parts of the pictures. Datasets that decode pictures cut them out; those that hold pixels leave that to the batches' shifts. */
export interface RandomView {
  readonly crop: RandomResizedCrop;
  /** Decides, with a picture's index, which part it is. */
  readonly seed: number;
}

/** What {@link createMemoryDataset} needs. */
export interface MemoryDatasetSpec {
  readonly name: string;
  readonly imageShape: ImageShape;
  readonly classNames: readonly string[];
  readonly normalization: Normalization;
  /** uint8, NHWC, `[size, ...imageShape]`. */
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
}

/** A dataset whose pixels lie in memory. */
export interface MemoryDataset extends ImageDataset {
  /** uint8, NHWC, `[size, ...imageShape]`. */
  readonly pixels: Uint8Array;
}

/** Number of values in one picture. */
export function imageLength(shape: ImageShape): number {
  return shape[0] * shape[1] * shape[2];
}

/**
 * Dataset over decoded pixels.
 * @throws NncfError `INVALID_ARGUMENT` when pixels, labels and shape do not belong together.
 */
export function createMemoryDataset(spec: MemoryDatasetSpec): MemoryDataset {
  const { pixels, labels } = spec;
  const length = imageLength(spec.imageShape);
  if (pixels.length !== labels.length * length) {
    throw invalidArgument(`${spec.name}: ${pixels.length} bytes are not ${labels.length} pictures of ${length} bytes`);
  }
  const read = (indices: Int32Array): Promise<ImageBytes> => {
    const chosen = new Uint8Array(indices.length * length);
    indices.forEach((index, row) => {
      chosen.set(pixels.subarray(index * length, (index + 1) * length), row * length);
    });
    return Promise.resolve({
      pixels: chosen,
      labels: indices.map((index) => labels[index]!),
      indices,
    });
  };
  return { ...spec, size: labels.length, read };
}

/**
 * View of some pictures of a dataset, in the given order.
 * @throws NncfError `INVALID_ARGUMENT` for an index outside the dataset.
 */
export function subset(dataset: ImageDataset, indices: ArrayLike<number>): ImageDataset {
  const chosen = Int32Array.from(indices);
  const outside = chosen.find((index) => index < 0 || index >= dataset.size);
  if (outside !== undefined) throw invalidArgument(`index ${outside} is outside ${dataset.name} (${dataset.size} pictures)`);
  const position = new Map([...chosen].map((index, place) => [index, place]));
  const read = async (places: Int32Array, view?: RandomView): Promise<ImageBytes> => {
    const bytes = await dataset.read(
      places.map((place) => chosen[place]!),
      view,
    );
    return { ...bytes, indices: bytes.indices.map((index) => position.get(index)!) };
  };
  const { name, imageShape, classNames, normalization } = dataset;
  const labels = chosen.map((index) => dataset.labels[index]!);
  return { name, imageShape, classNames, normalization, size: chosen.length, labels, read };
}

/** Two disjoint random parts of a dataset: `count` pictures (for calibration, say) and the rest. */
export function randomSplit(dataset: ImageDataset, count: number, seed: number): [ImageDataset, ImageDataset] {
  const order = shuffledIndices(dataset.size, createRandom(seed));
  return [subset(dataset, order.slice(0, count).sort()), subset(dataset, order.slice(count).sort())];
}

/** Reads every picture once and keeps the pixels; pictures that cannot be decoded are left out. */
export async function toMemory(dataset: ImageDataset): Promise<MemoryDataset> {
  const { name, imageShape, classNames, normalization } = dataset;
  const { pixels, labels } = await dataset.read(orderedIndices(dataset.size));
  return createMemoryDataset({ name, imageShape, classNames, normalization, pixels, labels });
}
