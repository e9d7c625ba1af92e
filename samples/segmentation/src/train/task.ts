import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { segmentationBatches, type SegmentationAugmentation, type SegmentationBatch, type SegmentationDataset } from '@nncf/datasets';
import type { Task } from '@nncf/sample-training';
import { evaluateModel } from '../score/evaluate.ts';
import { pixelHits, segmentationLoss } from './loss.ts';

/** How a network for segmentation is trained. */
export interface SegmentationOptions {
  readonly train: SegmentationDataset;
  /** Pictures of the evaluation after an epoch. */
  readonly test?: SegmentationDataset | undefined;
  readonly batchSize: number;
  /** Orders and augmentation. @default 0 */
  readonly seed?: number;
  readonly augment?: SegmentationAugmentation | undefined;
  /** Weight of each class. @default 1 each */
  readonly classWeights?: readonly number[] | undefined;
  /** Shares of the outputs behind the first. */
  readonly auxiliary: readonly number[];
}

/** Weighted cross entropy of pixels; the score is the mean intersection over union. */
export function segmentation(options: SegmentationOptions): Task<SegmentationBatch> {
  const { train, test, batchSize, seed = 0, augment, classWeights, auxiliary } = options;
  return {
    epoch: (epoch) => segmentationBatches(train, { batchSize, seed, epoch, augment, shuffle: true, dropRemainder: true }),
    step: (model, { xs, ys, labelled }) => {
      const outputs = logitsOf(model, xs);
      const weights = classWeights === undefined ? undefined : tf.tensor1d([...classWeights]);
      const loss = segmentationLoss(outputs, ys, auxiliary, { weights });
      return { loss, hits: pixelHits(outputs[0]!, ys), count: labelled };
    },
    evaluate: test && (async (model) => (await evaluateModel(model, test)).meanIoU),
  };
}

/** All outputs of a training pass. */
function logitsOf(model: tfl.LayersModel, xs: tf.Tensor): tf.Tensor[] {
  const outputs = model.apply(xs, { training: true });
  return (Array.isArray(outputs) ? outputs : [outputs]) as tf.Tensor[];
}
