import * as tf from '@tensorflow/tfjs-core';
import { invalidArgument } from '../errors.ts';
import { createRandom, epochSeed, orderedIndices, shuffledIndices } from '../random.ts';
import type { PictureSize, SegmentationBytes, SegmentationDataset } from './dataset.ts';
import { drawPairView, plainView, writePair, type PixelRule, type SegmentationAugmentation } from './view.ts';

/** How pairs are cut into batches. */
export interface SegmentationBatchOptions {
  readonly batchSize: number;
  /** @default false */
  readonly shuffle?: boolean;
  /** Decides orders and augmentation. @default 0 */
  readonly seed?: number;
  /** Another epoch, another order and other views; the same on every machine. @default 0 */
  readonly epoch?: number;
  /** @default none */
  readonly augment?: SegmentationAugmentation | undefined;
  /** Leave out a last batch that is smaller than the others. @default false */
  readonly dropRemainder?: boolean;
}

/** A batch as typed arrays. */
export interface SegmentationArrays {
  /** float32, `[count, height, width, 3]`, normalized. */
  readonly pixels: Float32Array;
  /** Class of every pixel, `[count, height, width]`. */
  readonly masks: Int32Array;
  /** Number of pictures, height and width. */
  readonly shape: readonly [count: number, height: number, width: number];
  readonly indices: Int32Array;
  /** Number of pixels that are not ignored. */
  readonly labelled: number;
}

/** A batch as tensors. */
export interface SegmentationBatch {
  /** `[count, height, width, 3]`, normalized. */
  readonly xs: tf.Tensor4D;
  /** int32, `[count, height, width]`. */
  readonly ys: tf.Tensor3D;
  readonly indices: Int32Array;
  /** Number of pixels that are not ignored. */
  readonly labelled: number;
}

/** Batches of one epoch. */
export interface SegmentationBatches extends AsyncIterable<SegmentationBatch> {
  /** Number of batches. */
  readonly size: number;
}

/**
 * Batches of an epoch as tensors. A batch is disposed when the next one is asked for and when the loop is left.
 * @throws NncfError `INVALID_ARGUMENT` for a batch size below 1
 */
export function segmentationBatches(dataset: SegmentationDataset, options: SegmentationBatchOptions): SegmentationBatches {
  const { batchSize, dropRemainder = false } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) throw invalidArgument(`batchSize ${batchSize} is not a positive integer`);
  const whole = dataset.size / batchSize;
  return {
    size: dropRemainder ? Math.floor(whole) : Math.ceil(whole),
    [Symbol.asyncIterator]: () => tensorPass(dataset, options),
  };
}

async function* tensorPass(dataset: SegmentationDataset, options: SegmentationBatchOptions): AsyncGenerator<SegmentationBatch, void, void> {
  for await (const { pixels, masks, shape, ...rest } of segmentationArrays(dataset, options)) {
    const batch = { xs: tf.tensor4d(pixels, [...shape, 3]), ys: tf.tensor3d(masks, [...shape], 'int32'), ...rest };
    try {
      yield batch;
    } finally {
      tf.dispose([batch.xs, batch.ys]);
    }
  }
}

/** The same as typed arrays; the next batch is read while the present one is in use. A batch of which no pair can be used is left out. */
export async function* segmentationArrays(
  dataset: SegmentationDataset,
  options: SegmentationBatchOptions,
): AsyncGenerator<SegmentationArrays, void, void> {
  const { batchSize, shuffle = false, seed = 0, epoch = 0, dropRemainder = false } = options;
  const order = shuffle ? shuffledIndices(dataset.size, createRandom(epochSeed(seed, epoch))) : orderedIndices(dataset.size);
  const count = dropRemainder ? Math.floor(order.length / batchSize) : Math.ceil(order.length / batchSize);
  const fetch = (batch: number): Promise<SegmentationBytes> | undefined =>
    batch < count ? dataset.read(order.slice(batch * batchSize, (batch + 1) * batchSize)) : undefined;
  let pending = fetch(0);
  for (let batch = 0; batch < count; batch++) {
    const bytes = await pending!;
    pending = fetch(batch + 1);
    // A failure of the next batch must not count as unhandled while the present one is still in use.
    pending?.catch(() => undefined);
    if (bytes.indices.length > 0) yield toArrays(bytes, dataset, options);
  }
}

function toArrays(bytes: SegmentationBytes, dataset: SegmentationDataset, options: SegmentationBatchOptions): SegmentationArrays {
  const { augment, seed = 0, epoch = 0 } = options;
  const { pictureSize } = dataset;
  const size: PictureSize = augment?.crop ?? pictureSize;
  const count = bytes.indices.length;
  const area = size[0] * size[1];
  const [pixels, masks] = [new Float32Array(3 * count * area), new Int32Array(count * area)];
  const rule = pixelRule(dataset);
  const from = pictureSize[0] * pictureSize[1];
  bytes.indices.forEach((index, place) => {
    // A view depends on picture and epoch alone, whatever else is in the batch.
    const random = createRandom(epochSeed(epochSeed(seed, epoch), index));
    const view = augment === undefined ? plainView : drawPairView(augment, pictureSize, random);
    const pair = {
      pixels: bytes.pixels.subarray(3 * place * from, 3 * (place + 1) * from),
      mask: bytes.masks.subarray(place * from, (place + 1) * from),
      size: pictureSize,
    };
    writePair(pair, view, size, rule, { pixels, masks, place });
  });
  const labelled = masks.reduce((sum, label) => (label === dataset.ignored ? sum : sum + 1), 0);
  return { pixels, masks, shape: [count, ...size], indices: bytes.indices, labelled };
}

function pixelRule({ normalization: { mean, std }, ignored }: SegmentationDataset): PixelRule {
  return { mean: mean.map((value) => value * 255), factor: std.map((value) => 1 / (255 * value)), ignored };
}
