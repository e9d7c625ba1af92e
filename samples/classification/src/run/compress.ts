// The algorithms that a configuration may name; each registers itself.
import '@nncf/binarization';
import '@nncf/const-sparsity';
import '@nncf/filter-pruning';
import '@nncf/magnitude-sparsity';
import '@nncf/quantization';
import '@nncf/rb-sparsity';
import type * as tfl from '@tensorflow/tfjs-layers';
import { createCompressionAlgorithm, type ModelCompression, type NncfConfig } from '@nncf/core';
import { batches, type ImageDataset } from '@nncf/datasets';
import type { ReportProgress } from '../progress.ts';
import { crossEntropy } from '../train/loss.ts';

/** How compression is prepared. */
export interface CompressionOptions {
  readonly batchSize: number;
  readonly seed: number;
  readonly progress: ReportProgress;
}

/** Inserts the compression of a configuration; ranges and the curvature of the loss come from training pictures in random order, without augmentation. */
export async function compress(
  model: tfl.LayersModel,
  config: NncfConfig,
  train: ImageDataset,
  { batchSize, seed, progress }: CompressionOptions,
): Promise<ModelCompression<tfl.LayersModel>> {
  const algo = await createCompressionAlgorithm(model, config);
  const stream = batches(train, { batchSize, seed, shuffle: true });
  const bar = progress('initialization');
  try {
    await algo.initialize(stream, {
      progress: (_stage, done, total) => bar.update(done, total),
      loss: (logits, { ys }) => crossEntropy(ys, logits),
    });
  } finally {
    bar.stop();
  }
  return algo;
}
