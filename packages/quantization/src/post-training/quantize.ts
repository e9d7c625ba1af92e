import type { CalibrationData, CompressibleModel, ModelCompression } from '@nncf/core';
import type { QuantizeOptions } from './options.ts';
import { PostTraining } from './post-training.ts';
import type { PostTrainingReport } from './report.ts';

/** A quantized model and what was done to it. */
export interface QuantizedModel<Model> {
  /** Ready for `exportModel`, and for fine-tuning. */
  readonly algorithm: ModelCompression<Model>;
  readonly report: PostTrainingReport;
}

/**
 * Quantizes a trained model without training: ranges from a few hundred samples, then biases moved so that every layer keeps its mean. The defaults
 * are those of NNCF's post-training algorithm: weights with one symmetric scale for every output channel, activations with the mean over samples of
 * each sample's extremes, unsigned where nothing is negative.
 *
 * The model is changed in place, its biases too, which stay when `algorithm.remove()` takes the quantizers out. Data are read batch by batch and
 * several times over; of a generator, which gives each batch once, copies of the batches are kept until the call returns.
 *
 * @param model `tf.LayersModel`, or `{ variables, call(x, { training }) }` with `inputInfo`
 * @param calibrationDataset batches as for `initialize`: tensors, `[xs, ys]` or `{ xs, ys }`, in an array, an iterable or a `tf.data.Dataset`
 * @throws NncfError `SUBSET_INVALID`, `SMOOTH_QUANT_INVALID`, those of the configuration and of the model; `CALIBRATION_EMPTY`, `CALIBRATION_INVALID`
 * and `DATA_NOT_FINITE` of the data, with the number of the batch; `RANGE_NO_DATA`, `RANGE_NOT_FINITE` that name the quantizer. The model is
 * unchanged then.
 */
export async function quantize<Model extends CompressibleModel>(
  model: Model,
  calibrationDataset: CalibrationData,
  options: QuantizeOptions = {},
): Promise<QuantizedModel<Model>> {
  const work = await PostTraining.insert(model, calibrationDataset, options);
  try {
    await work.calibrate();
    return { algorithm: work.compression, report: work.report };
  } finally {
    work.dispose();
  }
}
