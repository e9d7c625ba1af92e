import { join } from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { CalibrationBatch, ModelCompression, NncfConfig } from '@nncf/core';
import { compress, type CompressionOptions } from './compress.ts';
import type { Mode } from './program.ts';
import type { TrainingSettings } from './settings/settings.ts';
import { compressedSubject, plainSubject, type Subject } from './train/subject.ts';
import type { Task } from './train/task.ts';
import { checkpointOf, trainRun } from './train/train-run.ts';
import type { Voice } from './voice.ts';

/** A model ready to run, compressed or not. */
export interface Opened {
  readonly model: tfl.LayersModel;
  readonly algo: ModelCompression<tfl.LayersModel> | undefined;
  readonly subject: Subject;
}

/** Compresses a model where a configuration says so, and says what there is to say of it. */
export async function openSubject<Batch extends CalibrationBatch>(
  model: tfl.LayersModel,
  config: NncfConfig | undefined,
  options: Omit<CompressionOptions<Batch>, 'progress'>,
  { say, progress }: Voice,
): Promise<Opened> {
  if (config === undefined) return { model, algo: undefined, subject: plainSubject(model) };
  const algo = await compress(model, config, { ...options, progress });
  const subject = compressedSubject(algo);
  if (subject.note !== undefined) say(subject.note());
  return { model, algo, subject };
}

/**
 * Trains in the mode `train`; in the others loads the checkpoint that is resumed, if one is.
 *
 * @param task is made for training alone
 * @param metadata goes into the files of weights
 */
export async function trainOrLoad<Batch>(
  mode: Mode,
  subject: Subject,
  task: () => Task<Batch> | Promise<Task<Batch>>,
  settings: TrainingSettings,
  voice: Voice,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  if (mode === 'train') await trainRun(subject, await task(), settings, voice, metadata);
  else if (settings.resume !== undefined) await subject.load(checkpointOf(settings));
}

/** Where a run writes its ONNX file; undefined where it writes none. */
export function onnxFileOf(mode: Mode, { toOnnx, logDir }: Pick<TrainingSettings, 'toOnnx' | 'logDir'>): string | undefined {
  return toOnnx ?? (mode === 'export' ? join(logDir, 'model.onnx') : undefined);
}
