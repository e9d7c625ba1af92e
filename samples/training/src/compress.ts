// The algorithms that a configuration may name; each registers itself.
import '@nncf/binarization';
import '@nncf/const-sparsity';
import '@nncf/filter-pruning';
import '@nncf/magnitude-sparsity';
import '@nncf/quantization';
import '@nncf/rb-sparsity';
import type * as tfl from '@tensorflow/tfjs-layers';
import {
  createCompressionAlgorithm,
  type CalibrationBatch,
  type CalibrationData,
  type ModelCompression,
  type NncfConfig,
  type TaskLoss,
} from '@nncf/core';
import type { ReportProgress } from './progress.ts';

/** How compression is prepared. */
export interface CompressionOptions<Batch extends CalibrationBatch> {
  /** Training data in random order, without augmentation: ranges come from them. */
  readonly data: CalibrationData<Batch>;
  /** Loss of a batch, for methods that look at its curvature. */
  readonly loss?: TaskLoss<Batch>;
  readonly progress: ReportProgress;
}

/** Inserts the compression of a configuration and initializes it. */
export async function compress<Batch extends CalibrationBatch>(
  model: tfl.LayersModel,
  config: NncfConfig,
  { data, loss, progress }: CompressionOptions<Batch>,
): Promise<ModelCompression<tfl.LayersModel>> {
  const algo = await createCompressionAlgorithm(model, config);
  const bar = progress('initialization');
  try {
    await algo.initialize(data, { progress: (_stage, done, total) => bar.update(done, total), ...(loss === undefined ? {} : { loss }) });
  } finally {
    bar.stop();
  }
  return algo;
}
