import type * as tfl from '@tensorflow/tfjs-layers';
import type { ModelCompression } from '@nncf/core';
import { evaluateClassifier, type ClassificationScore, type ImageDataset } from '@nncf/datasets';
import {
  compressedSubject,
  learningRateSchedule,
  plainSubject,
  train,
  type ReportProgress,
  type Subject,
  type TrainResult,
} from '@nncf/sample-training';
import { compressClassifier } from '../run/compress.ts';
import type { Data } from '../run/data.ts';
import { evaluateOnnx } from '../run/onnx-runtime.ts';
import type { Settings } from '../settings/settings.ts';
import { classification } from '../train/task.ts';

/** Trains in floating point. */
export function trainFloat(model: tfl.LayersModel, data: Data, settings: Settings, progress: ReportProgress): Promise<TrainResult> {
  return trainShown('FP32 training', plainSubject(model), data, settings, progress);
}

/** Inserts the configuration's compression and fine-tunes under it. */
export async function fineTune(
  model: tfl.LayersModel,
  data: Data,
  settings: Settings,
  progress: ReportProgress,
): Promise<{ algo: ModelCompression<tfl.LayersModel>; result: TrainResult }> {
  const { batchSize, seed } = settings;
  const algo = await compressClassifier(model, settings.compression ?? {}, data.train, { batchSize, seed, progress });
  const result = await trainShown('INT8 fine-tuning', compressedSubject(algo), data, settings, progress);
  return { algo, result };
}

/** One bar over all epochs. */
async function trainShown(label: string, subject: Subject, data: Data, settings: Settings, progress: ReportProgress): Promise<TrainResult> {
  const bar = progress(label);
  const { epochs, batchSize, seed, optimizer, learningRate } = settings;
  try {
    return await train(subject, classification({ train: data.train, batchSize, seed }), {
      epochs,
      optimizer,
      learningRate: learningRateSchedule(learningRate),
      progressEvery: 20,
      onProgress: ({ epoch, step, steps, ...figures }) => bar.update((epoch - 1) * steps + step, epochs * steps, figures),
    });
  } finally {
    bar.stop();
  }
}

/** Scores a model in TensorFlow.js with a bar. */
export function scoreModel(
  label: string,
  model: tfl.LayersModel,
  test: ImageDataset,
  progress: ReportProgress,
): Promise<ClassificationScore> {
  return shown(label, progress, (onProgress) => evaluateClassifier(model, test, { onProgress }));
}

/** Scores a file in ONNX Runtime with a bar. */
export function scoreFile(label: string, file: string, test: ImageDataset, progress: ReportProgress): Promise<ClassificationScore> {
  return shown(label, progress, (onProgress) => evaluateOnnx(file, test, { onProgress }));
}

async function shown<Result>(
  label: string,
  progress: ReportProgress,
  work: (onProgress: (done: number, total: number) => void) => Promise<Result>,
): Promise<Result> {
  const bar = progress(label);
  try {
    return await work((done, total) => bar.update(done, total));
  } finally {
    bar.stop();
  }
}
