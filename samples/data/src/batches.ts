import * as tf from '@tensorflow/tfjs-core';
import { drawColour, withColour, type ColourJitter } from './colour.ts';
import { imageLength, type ImageBytes, type ImageDataset, type ImageShape, type Normalization } from './dataset.ts';
import { invalidArgument } from './errors.ts';
import { normalizationTable, writeImage, writeView } from './normalization.ts';
import type { RandomResizedCrop } from './random-crop.ts';
import { createRandom, epochSeed, orderedIndices, shuffledIndices, type Random } from './random.ts';

/** Random changes of a training picture (He et al. 2015, section 4.2). */
export interface Augmentation {
  /** Pixels of black border from which a window of the picture's size is cut. @default 0 */
  readonly pad?: number;
  /** Mirror every second picture, by chance. @default false */
  readonly flip?: boolean;
  /** Change the colours. @default none */
  readonly colour?: ColourJitter;
  /** A random part of the picture, scaled to its size, where the dataset decodes pictures. @default none */
  readonly resizedCrop?: RandomResizedCrop;
}

/** The usual augmentation for CIFAR-10: 4 pixels of border, random crop, random mirror (He et al. 2015). */
export const cifarAugmentation: Augmentation = { pad: 4, flip: true };

/** The usual augmentation for ImageNet: a random part, random mirror and colours (Szegedy et al. 2015, arXiv 1409.4842; Howard 2013, arXiv 1312.5402). */
export const imagenetAugmentation: Augmentation = {
  flip: true,
  resizedCrop: {},
  colour: { brightness: 0.4, contrast: 0.4, saturation: 0.4 },
};

/** How a dataset is cut into batches. */
export interface BatchOptions {
  readonly batchSize: number;
  /** @default false */
  readonly shuffle?: boolean;
  /** Decides orders and augmentation; every further pass over the batches draws anew. @default 0 */
  readonly seed?: number;
  /** Number of the first pass, for a training run that goes on. @default 0 */
  readonly epoch?: number;
  /** @default none */
  readonly augment?: Augmentation;
  /** @default the dataset's own */
  readonly normalization?: Normalization;
  /** `oneHot`: float32 `[batch, classes]`; `index`: int32 `[batch]`. @default 'oneHot' */
  readonly labels?: 'oneHot' | 'index';
  /** Leave out a last batch that is smaller than the others. @default false */
  readonly dropRemainder?: boolean;
}

/** A batch as typed arrays: for runtimes other than TensorFlow.js. */
export interface ArrayBatch {
  /** float32, NHWC, normalized. */
  readonly pixels: Float32Array;
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly labels: Int32Array;
  /** Places of the pictures in the dataset. */
  readonly indices: Int32Array;
}

/** A batch as tensors, with the labels as numbers beside them. */
export type Batch = {
  readonly xs: tf.Tensor4D;
  readonly ys: tf.Tensor;
  readonly labels: Int32Array;
  readonly indices: Int32Array;
};

/** Batches that can be passed over any number of times; fits `for await` and `model.fitDataset`. */
export interface Batches extends AsyncIterable<Batch> {
  /** Number of batches in one pass. */
  readonly size: number;
  /** One pass, as `model.fitDataset` and `model.evaluateDataset` want it. */
  iterator(): Promise<AsyncGenerator<Batch, void, void>>;
}

/**
 * Batches of a dataset as tensors. A batch belongs to the iteration: it is disposed when the next one is asked for and
 * when the loop is left, however it is left. Clone what must live longer.
 * @throws NncfError `INVALID_ARGUMENT` for a batch size below 1 or a normalization of another channel count.
 */
export function batches(dataset: ImageDataset, options: BatchOptions): Batches {
  checkBatchSize(options.batchSize);
  let passes = options.epoch ?? 0;
  const pass = (): AsyncGenerator<Batch, void, void> => tensorPass(dataset, { ...options, epoch: passes++ });
  return {
    size: batchCount(dataset.size, options),
    iterator: () => Promise.resolve(pass()),
    [Symbol.asyncIterator]: pass,
  };
}

/** One pass over a dataset as typed arrays; the next batch is read while the present one is in use. */
export async function* arrayBatches(dataset: ImageDataset, options: BatchOptions): AsyncGenerator<ArrayBatch, void, void> {
  checkBatchSize(options.batchSize);
  const seed = epochSeed(options.seed ?? 0, options.epoch ?? 0);
  const random = createRandom(seed);
  const crop = options.augment?.resizedCrop;
  const order = options.shuffle === true ? shuffledIndices(dataset.size, random) : orderedIndices(dataset.size);
  const table = normalizationTable(options.normalization ?? dataset.normalization, dataset.imageShape[2]);
  const count = batchCount(dataset.size, options);
  const fetch = (batch: number): Promise<ImageBytes> =>
    dataset.read(order.slice(batch * options.batchSize, (batch + 1) * options.batchSize), crop && { crop, seed });
  let pending = count > 0 ? fetch(0) : undefined;
  for (let batch = 0; batch < count; batch++) {
    const bytes = await pending!;
    pending = batch + 1 < count ? fetch(batch + 1) : undefined;
    // A failure of the next batch must not count as unhandled while the present one is still in use.
    pending?.catch(() => undefined);
    if (bytes.labels.length > 0) yield toArrays(bytes, dataset.imageShape, table, options.augment, random);
  }
}

async function* tensorPass(dataset: ImageDataset, options: BatchOptions): AsyncGenerator<Batch, void, void> {
  for await (const arrays of arrayBatches(dataset, options)) {
    const batch = toTensors(arrays, dataset.classNames.length, options.labels ?? 'oneHot');
    try {
      yield batch;
    } finally {
      tf.dispose([batch.xs, batch.ys]);
    }
  }
}

function toArrays(
  bytes: ImageBytes,
  shape: ImageShape,
  table: Float32Array,
  augment: Augmentation | undefined,
  random: Random,
): ArrayBatch {
  const length = imageLength(shape);
  const count = bytes.labels.length;
  const pixels = new Float32Array(count * length);
  for (let image = 0; image < count; image++) {
    const source = bytes.pixels.subarray(image * length, (image + 1) * length);
    if (augment === undefined) writeImage(source, table, pixels, image * length);
    else writeView(coloured(source, shape, augment, random), shape, drawView(augment, random), table, pixels, image * length);
  }
  return { pixels, shape: [count, ...shape], labels: bytes.labels, indices: bytes.indices };
}

function coloured(source: Uint8Array, [, , channels]: ImageShape, { colour }: Augmentation, random: Random): Uint8Array {
  return colour === undefined ? source : withColour(source, channels, drawColour(colour, random));
}

function drawView(augment: Augmentation, random: Random): { top: number; left: number; flip: boolean } {
  const pad = augment.pad ?? 0;
  const shift = (): number => (pad === 0 ? 0 : random.below(2 * pad + 1) - pad);
  return { top: shift(), left: shift(), flip: augment.flip === true && random.next() < 0.5 };
}

function toTensors(arrays: ArrayBatch, classes: number, form: 'oneHot' | 'index'): Batch {
  const { pixels, shape, labels, indices } = arrays;
  const xs = tf.tensor4d(pixels, [...shape]);
  const ys = form === 'index' ? tf.tensor1d(labels, 'int32') : tf.tensor2d(oneHot(labels, classes), [labels.length, classes]);
  return { xs, ys, labels, indices };
}

function oneHot(labels: Int32Array, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, row) => {
    rows[row * classes + label] = 1;
  });
  return rows;
}

function batchCount(size: number, options: BatchOptions): number {
  const whole = size / options.batchSize;
  return options.dropRemainder === true ? Math.floor(whole) : Math.ceil(whole);
}

function checkBatchSize(batchSize: number): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) throw invalidArgument(`batchSize ${batchSize} is not a positive integer`);
}
