import type * as tfl from '@tensorflow/tfjs-layers';
import type { ModelCompression, NncfConfig } from '@nncf/core';
import { batches, type Batch, type ImageDataset } from '@nncf/datasets';
import { compress, type CompressionOptions, type ReportProgress } from '@nncf/sample-training';
import { crossEntropy } from '../train/loss.ts';

/** What compression is prepared with: training pictures in random order, without augmentation, for ranges and the curvature of the loss. */
export function preparation(
  train: ImageDataset,
  { batchSize, seed }: Pick<PreparationOptions, 'batchSize' | 'seed'>,
): Omit<CompressionOptions<Batch>, 'progress'> {
  return { data: batches(train, { batchSize, seed, shuffle: true }), loss: (logits, { ys }) => crossEntropy(ys, logits) };
}

/** How compression is prepared. */
export interface PreparationOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly progress: ReportProgress;
}

/** Inserts the compression of a configuration and prepares it. */
export function compressClassifier(
  model: tfl.LayersModel,
  config: NncfConfig,
  train: ImageDataset,
  { progress, ...order }: PreparationOptions,
): Promise<ModelCompression<tfl.LayersModel>> {
  return compress(model, config, { ...preparation(train, order), progress });
}
