import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { segmentationArrays, type SegmentationArrays, type SegmentationDataset } from '@nncf/datasets';
import { openOnnx } from '@nncf/sample-training';
import { ConfusionMatrix, type SegmentationScore } from './confusion.ts';

/** Classes that a network gives the pixels of some pictures, `[count, height, width]`, row by row. */
export type PixelPredictor = (batch: SegmentationArrays) => Promise<ArrayLike<number>>;

/** How a network is scored. */
export interface EvaluationOptions {
  /** Pictures that run at the same time. @default 4 */
  readonly batchSize?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Scores whatever predicts classes; pictures are seen whole, at the dataset's size. */
async function evaluatePixels(
  predict: PixelPredictor,
  dataset: SegmentationDataset,
  { batchSize = 4, onProgress }: EvaluationOptions = {},
): Promise<SegmentationScore> {
  const matrix = new ConfusionMatrix(dataset.classNames.length);
  let done = 0;
  for await (const batch of segmentationArrays(dataset, { batchSize })) {
    matrix.add(batch.masks, await predict(batch));
    done += batch.indices.length;
    onProgress?.(done, dataset.size);
  }
  return matrix.score();
}

/** Scores a model whose first output are logits `[batch, height, width, classes]`. */
export function evaluateModel(
  model: tfl.LayersModel,
  dataset: SegmentationDataset,
  options: EvaluationOptions = {},
): Promise<SegmentationScore> {
  return evaluatePixels((batch) => predictPixels(model, batch), dataset, options);
}

/** Classes that a model gives the pixels of a batch. */
export async function predictPixels(model: tfl.LayersModel, { pixels, shape }: SegmentationArrays): Promise<ArrayLike<number>> {
  const classes = tf.tidy(() => {
    const outputs = model.predict(tf.tensor4d(pixels, [...shape, 3]));
    return tf.argMax(Array.isArray(outputs) ? outputs[0]! : outputs, -1);
  });
  const values = await classes.data();
  classes.dispose();
  return values;
}

/**
 * Scores an ONNX file whose first output are logits `[batch, height, width, classes]`.
 * @throws NncfError `CORRUPT_FILE` when ONNX Runtime refuses the file
 */
export async function evaluateOnnx(
  file: string,
  dataset: SegmentationDataset,
  options: EvaluationOptions = {},
): Promise<SegmentationScore> {
  const network = await openOnnx(file);
  const classes = dataset.classNames.length;
  const predict: PixelPredictor = async ({ pixels, shape }) => highest(await network.runFirst(pixels, [...shape, 3]), classes);
  try {
    return await evaluatePixels(predict, dataset, options);
  } finally {
    await network.close();
  }
}

/** Place of the highest of every `classes` values. */
export function highest(logits: Float32Array, classes: number): Uint8Array {
  const best = new Uint8Array(logits.length / classes);
  for (let pixel = 0; pixel < best.length; pixel++) {
    const start = pixel * classes;
    let top = 0;
    for (let label = 1; label < classes; label++) if (logits[start + label]! > logits[start + top]!) top = label;
    best[pixel] = top;
  }
  return best;
}
