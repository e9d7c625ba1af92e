import type * as tfl from '@tensorflow/tfjs-layers';
import type { ModelCompression, NncfConfig } from '@nncf/core';
import { batches, type ImageDataset } from '@nncf/datasets';
import { compress, type ReportProgress } from '@nncf/sample-training';
import { crossEntropy } from '../train/loss.ts';

/** How compression is prepared. */
export interface PreparationOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly progress: ReportProgress;
}

/** Inserts the compression of a configuration; ranges and the curvature of the loss come from training pictures in random order, without augmentation. */
export function compressClassifier(
  model: tfl.LayersModel,
  config: NncfConfig,
  train: ImageDataset,
  { batchSize, seed, progress }: PreparationOptions,
): Promise<ModelCompression<tfl.LayersModel>> {
  const data = batches(train, { batchSize, seed, shuffle: true });
  return compress(model, config, { data, loss: (logits, { ys }) => crossEntropy(ys, logits), progress });
}
