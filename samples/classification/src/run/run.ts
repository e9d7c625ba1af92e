import type * as tfl from '@tensorflow/tfjs-layers';
import { evaluateClassifier, type ClassificationScore } from '@nncf/datasets';
import { Distillation } from '@nncf/distillation';
import { exportOnnx } from '@nncf/onnx-exporter';
import { onnxFileOf, openSubject, percent, trainOrLoad, type Mode, type Opened, type Voice } from '@nncf/sample-training';
import type { Settings } from '../settings/settings.ts';
import { classification } from '../train/task.ts';
import { agreementOf } from './agreement.ts';
import { preparation } from './compress.ts';
import { openData, type Data } from './data.ts';
import { openModel, teacherOf } from './model.ts';
import { evaluateOnnx } from './onnx-runtime.ts';

/** A model ready to run, and whom it learns from. */
interface OpenedClassifier extends Opened {
  /** The network before compression, where training learns from it. */
  readonly teacher: tfl.LayersModel | undefined;
}

/** Figures of a run; undefined where the mode has none. */
export interface RunResult {
  /** Top-1 in TensorFlow.js, 0 … 1. */
  readonly top1: number | undefined;
  /** Top-1 of the exported file in ONNX Runtime. */
  readonly onnxTop1: number | undefined;
  readonly onnxFile: string | undefined;
}

/** Runs one mode from settings to figures. */
export async function run(mode: Mode, settings: Settings, voice: Voice): Promise<RunResult> {
  const data = await openData(settings);
  const opened = await open(mode, settings, data, voice);
  const { subject, teacher } = opened;
  await trainOrLoad(mode, subject, () => taskOf(settings, data, teacher), settings, voice, notes(settings));
  const score = mode === 'export' ? undefined : await evaluate(opened.model, data, voice);
  const onnxFile = onnxFileOf(mode, settings);
  const onnx = onnxFile === undefined ? undefined : await exported(opened, onnxFile, data, score, voice);
  opened.algo?.remove();
  opened.model.dispose();
  teacher?.dispose();
  return { top1: score?.top1, onnxTop1: onnx?.top1, onnxFile };
}

async function open(mode: Mode, settings: Settings, data: Data, voice: Voice): Promise<OpenedClassifier> {
  const model = await openModel(settings, data.train);
  voice.say(`${model.name}: ${model.countParams()} parameters, ${data.train.name}: ${data.train.size} pictures`);
  const teacher = mode === 'train' ? await teacherOf(model, settings, data) : undefined;
  return { ...(await openSubject(model, settings.compression, preparation(data.train, settings), voice)), teacher };
}

function taskOf(settings: Settings, data: Data, teacher: tfl.LayersModel | undefined): ReturnType<typeof classification> {
  const { batchSize, seed, labelSmoothing, window } = settings;
  const distillation = teacher === undefined ? undefined : new Distillation(teacher, settings.distillation);
  return classification({ ...data, batchSize, seed, labelSmoothing, window, augment: settings.augment ?? data.augment, distillation });
}

function notes({ model, width, dataset }: Settings): Record<string, string> {
  return { architecture: model, width: String(width), dataset };
}

async function evaluate(model: tfl.LayersModel, { test }: Data, { say, progress }: Voice): Promise<ClassificationScore> {
  const bar = progress('evaluation');
  const score = await evaluateClassifier(model, test, { onProgress: (done, total) => bar.update(done, total) });
  bar.stop();
  say(`TensorFlow.js: top-1 ${percent(score.top1)}, top-5 ${percent(score.top5)} of ${score.count} pictures`);
  return score;
}

/** Writes the file and scores it. */
async function exported(
  { model, algo }: Opened,
  file: string,
  { test }: Data,
  score: ClassificationScore | undefined,
  { say, progress }: Voice,
): Promise<ClassificationScore> {
  if (algo === undefined) await exportOnnx(model, file);
  else await algo.exportModel(file);
  say(`written: ${file}`);
  const bar = progress('ONNX Runtime');
  const onnx = await evaluateOnnx(file, test, { onProgress: (done, total) => bar.update(done, total) });
  bar.stop();
  say(`ONNX Runtime: top-1 ${percent(onnx.top1)}, top-5 ${percent(onnx.top5)}${agreementOf(score, onnx)}`);
  return onnx;
}
