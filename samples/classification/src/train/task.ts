import * as tf from '@tensorflow/tfjs-core';
import { batches, evaluateClassifier, type Augmentation, type Batch, type ImageDataset } from '@nncf/datasets';
import type { Distillation } from '@nncf/distillation';
import type { Task } from '@nncf/sample-training';
import { crossEntropy, hits } from './loss.ts';
import { cut, type WindowOptions } from './window.ts';

/** How a classifier is trained. */
export interface ClassificationOptions {
  readonly train: ImageDataset;
  /** Pictures of the evaluation after an epoch. */
  readonly test?: ImageDataset | undefined;
  readonly batchSize: number;
  /** Orders and augmentation. @default 0 */
  readonly seed?: number;
  readonly augment?: Augmentation | undefined;
  readonly labelSmoothing?: number;
  /** A teacher whose answers are learned beside the labels. @default none */
  readonly distillation?: Distillation | undefined;
  /** Train on random windows of this side in the first epochs. @default none */
  readonly window?: WindowOptions | undefined;
}

/** Cross entropy on one-hot labels; the score is top-1. */
export function classification(options: ClassificationOptions): Task<Batch> {
  const { train, test, batchSize, seed = 0, augment, labelSmoothing, distillation, window } = options;
  const order = { batchSize, seed, shuffle: true, dropRemainder: true, ...(augment === undefined ? {} : { augment }) };
  return {
    epoch: (epoch) => batches(train, { ...order, epoch }),
    step: (model, { xs, ys, labels }, at) => {
      const x = cut(xs, window, at, seed);
      const logits = firstOutput(model.apply(x, { training: true }));
      const own = crossEntropy(ys, logits, labelSmoothing);
      const learned = distillation?.loss(x, logits);
      return { loss: learned === undefined ? own : tf.add(own, learned), hits: hits(ys, logits), count: labels.length };
    },
    evaluate: test && (async (model) => (await evaluateClassifier(model, test)).top1),
  };
}

function firstOutput(output: unknown): tf.Tensor {
  const first: unknown = Array.isArray(output) ? output[0] : output;
  if (first instanceof tf.Tensor) return first;
  throw new TypeError('The model returned no tensor.');
}
