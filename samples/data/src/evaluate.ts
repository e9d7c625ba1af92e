import type * as tf from '@tensorflow/tfjs-core';
import { tensor4d, tidy } from '@tensorflow/tfjs-core';
import { arrayBatches, type ArrayBatch } from './batches.ts';
import type { ImageDataset, Normalization } from './dataset.ts';
import { nonFiniteOutput } from './errors.ts';

/** Scores of a classifier on a dataset. */
export interface ClassificationScore {
  /** Share of pictures whose highest output is their label, 0 … 1. */
  readonly top1: number;
  /** Share of pictures whose label is among the five highest outputs, 0 … 1. */
  readonly top5: number;
  /** Number of pictures that could be read. */
  readonly count: number;
  /** Predicted class of every picture of the dataset; −1 where the picture could not be read. */
  readonly predictions: Int32Array;
}

/** How a classifier is evaluated. */
export interface EvaluationOptions {
  /** @default 250 */
  readonly batchSize?: number;
  /** @default the dataset's own */
  readonly normalization?: Normalization;
  /** Called after every batch with the number of pictures done so far. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** The part of a `tf.LayersModel` that evaluation uses; its first output holds logits or probabilities `[batch, classes]`. */
export interface Predictor {
  predict(xs: tf.Tensor, args?: { batchSize?: number }): tf.Tensor | tf.Tensor[];
}

/** Scores `forward`, which answers `[batch, classes]` row by row: for any runtime. */
export async function evaluateOutputs(
  forward: (batch: ArrayBatch) => Promise<ArrayLike<number>>,
  dataset: ImageDataset,
  options: EvaluationOptions = {},
): Promise<ClassificationScore> {
  const { batchSize = 250, normalization = dataset.normalization } = options;
  const predictions = new Int32Array(dataset.size).fill(-1);
  const sums = { count: 0, top1: 0, top5: 0 };
  for await (const batch of arrayBatches(dataset, { batchSize, normalization })) {
    score(await forward(batch), batch, predictions, sums);
    options.onProgress?.(sums.count, dataset.size);
  }
  const share = (hits: number): number => (sums.count === 0 ? 0 : hits / sums.count);
  return { top1: share(sums.top1), top5: share(sums.top5), count: sums.count, predictions };
}

/**
 * Top-1 and top-5 of a model on a dataset; no tensor outlives the call.
 * @throws NncfError `NON_FINITE` when an output is NaN or infinite.
 */
export function evaluateClassifier(model: Predictor, dataset: ImageDataset, options: EvaluationOptions = {}): Promise<ClassificationScore> {
  const forward = async (batch: ArrayBatch): Promise<ArrayLike<number>> => {
    const output = tidy(() => {
      const answer = model.predict(tensor4d(batch.pixels, [...batch.shape]), {
        batchSize: batch.shape[0],
      });
      return Array.isArray(answer) ? answer[0]! : answer;
    });
    try {
      return await output.data();
    } finally {
      output.dispose();
    }
  };
  return evaluateOutputs(forward, dataset, options);
}

/** Share of equal entries, 0 … 1: how often two runtimes predict the same class. */
export function agreement(first: Int32Array, second: Int32Array): number {
  const same = first.reduce((count, value, index) => count + (value === second[index] ? 1 : 0), 0);
  return first.length === 0 ? 0 : same / first.length;
}

/** Place of the largest of `outputs[from … from + classes − 1]`, counted from `from`; the first one of equals. */
export function argmax(outputs: ArrayLike<number>, from: number, classes: number): number {
  let best = 0;
  for (let place = 1; place < classes; place++) {
    if (outputs[from + place]! > outputs[from + best]!) best = place;
  }
  return best;
}

function score(
  outputs: ArrayLike<number>,
  batch: ArrayBatch,
  predictions: Int32Array,
  sums: { count: number; top1: number; top5: number },
): void {
  const classes = outputs.length / batch.labels.length;
  batch.labels.forEach((label, row) => {
    const index = batch.indices[row]!;
    checkFinite(outputs, row * classes, classes, index);
    const winner = argmax(outputs, row * classes, classes);
    predictions[index] = winner;
    sums.count += 1;
    if (winner === label) sums.top1 += 1;
    if (rank(outputs, row * classes, classes, label) < 5) sums.top5 += 1;
  });
}

function checkFinite(outputs: ArrayLike<number>, from: number, classes: number, index: number): void {
  for (let place = from; place < from + classes; place++) {
    if (!Number.isFinite(outputs[place])) throw nonFiniteOutput(index);
  }
}

function rank(outputs: ArrayLike<number>, from: number, classes: number, label: number): number {
  let above = 0;
  for (let place = 0; place < classes; place++) {
    if (outputs[from + place]! > outputs[from + label]!) above += 1;
  }
  return above;
}
