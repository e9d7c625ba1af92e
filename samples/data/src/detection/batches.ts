import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import type { Normalization } from '../dataset.ts';
import { mapBounded } from '../encoded.ts';
import { invalidArgument } from '../errors.ts';
import { normalizationTable, writeImage } from '../normalization.ts';
import { createRandom, epochSeed, orderedIndices, shuffledIndices } from '../random.ts';
import type { DetectionDataset, Objects } from './images.ts';
import { renderImage, type RenderedImage } from './render.ts';
import { drawView, wholeView, type DetectionAugmentation } from './view.ts';

/** Objects of one picture of a batch. */
export interface BatchObjects extends Objects {
  /** Place of the picture in the dataset. */
  readonly index: number;
}

/** Pictures and their objects. */
export interface DetectionBatch {
  /** `[batch, height, width, 3]`, normalized. */
  readonly xs: tf.Tensor4D;
  /** One entry a picture. */
  readonly objects: readonly BatchObjects[];
}

/** How a dataset is cut into batches. */
export interface DetectionBatchOptions {
  readonly batchSize: number;
  /** Height and width of the network's input. */
  readonly size: readonly [height: number, width: number];
  readonly normalization: Normalization;
  /** @default none */
  readonly augment?: DetectionAugmentation | undefined;
  /** @default false */
  readonly shuffle?: boolean;
  /** Decides orders and augmentation, together with the epoch. @default 0 */
  readonly seed?: number;
  /** @default 0 */
  readonly epoch?: number;
  /** Leave out a last batch that is smaller than the others. @default false */
  readonly dropRemainder?: boolean;
  /** Pictures decoded at the same time. @default the number of processors */
  readonly concurrency?: number;
}

/** One pass over a dataset; fits `for await`. */
export interface DetectionBatches extends AsyncIterable<DetectionBatch> {
  /** Number of batches; a batch all of whose pictures are broken is left out. */
  readonly size: number;
}

/**
 * Batches of a dataset as tensors. The next batch is decoded while the present one is in use; a batch is disposed when the next one is asked for and when
 * the loop is left, however it is left. A picture that cannot be decoded, or whose size is not that of its annotation, is reported once and left out.
 * @throws NncfError `INVALID_ARGUMENT` for a batch size below 1
 */
export function detectionBatches(dataset: DetectionDataset, options: DetectionBatchOptions): DetectionBatches {
  const { batchSize, dropRemainder = false } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) throw invalidArgument(`batchSize ${batchSize} is not a positive integer`);
  const whole = dataset.images.length / batchSize;
  const size = dropRemainder ? Math.floor(whole) : Math.ceil(whole);
  return { size, [Symbol.asyncIterator]: () => pass(dataset, options, size) };
}

type Decoded = RenderedImage & { readonly index: number };

async function* pass(dataset: DetectionDataset, options: DetectionBatchOptions, count: number): AsyncGenerator<DetectionBatch, void, void> {
  const { batchSize, shuffle = false, seed = 0, epoch = 0 } = options;
  const total = dataset.images.length;
  const order = shuffle ? shuffledIndices(total, createRandom(epochSeed(seed, epoch))) : orderedIndices(total);
  const fetch = (batch: number): Promise<Decoded[]> => decode(dataset, order.slice(batch * batchSize, (batch + 1) * batchSize), options);
  let pending = count > 0 ? fetch(0) : undefined;
  for (let batch = 0; batch < count; batch++) {
    const images = await pending!;
    pending = batch + 1 < count ? fetch(batch + 1) : undefined;
    // A failure of the next batch must not count as unhandled while the present one is still in use.
    pending?.catch(() => undefined);
    if (images.length > 0) yield* lent(images, options);
  }
}

async function* lent(
  images: readonly Decoded[],
  { size, normalization }: DetectionBatchOptions,
): AsyncGenerator<DetectionBatch, void, void> {
  const xs = toTensor(images, size, normalization);
  try {
    yield { xs, objects: images.map(({ boxes, labels, ignored, index }) => ({ boxes, labels, ignored, index })) };
  } finally {
    xs.dispose();
  }
}

async function decode(dataset: DetectionDataset, indices: Int32Array, options: DetectionBatchOptions): Promise<Decoded[]> {
  const { concurrency = availableParallelism() } = options;
  const decoded = await mapBounded([...indices], concurrency, (index) => decodeOne(dataset, index, options));
  return decoded.filter((image) => image !== undefined);
}

async function decodeOne(dataset: DetectionDataset, index: number, options: DetectionBatchOptions): Promise<Decoded | undefined> {
  const { size, augment, seed = 0, epoch = 0, normalization } = options;
  const image = dataset.images[index]!;
  // Numbers of its own for every picture, so that nothing depends on which is decoded first.
  const random = createRandom(epochSeed(epochSeed(seed, epoch), index));
  const view = augment === undefined ? wholeView : drawView(augment, image, random);
  const fill = normalization.mean.map((mean) => Math.round(255 * mean));
  try {
    return { ...(await renderImage(image, view, size, fill)), index };
  } catch (error) {
    dataset.report(image.file, `the picture is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function toTensor(images: readonly Decoded[], [height, width]: readonly [number, number], normalization: Normalization): tf.Tensor4D {
  const table = normalizationTable(normalization, 3);
  const length = height * width * 3;
  const values = new Float32Array(images.length * length);
  images.forEach(({ pixels }, place) => writeImage(pixels, table, values, place * length));
  return tf.tensor4d(values, [images.length, height, width, 3]);
}
