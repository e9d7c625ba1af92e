import { basename } from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { ModelCompression, Progress } from '@nncf/core';
import {
  batches,
  evaluateClassifier,
  imageLength,
  imagenetSamples,
  randomSplit,
  rawPixels,
  sharedFile,
  subset,
  toMemory,
  type ClassificationScore,
  type ImageDataset,
} from '@nncf/datasets';
import {
  quantize,
  quantizeWithAccuracyControl,
  type AccuracyControlReport,
  type PostTrainingReport,
  type QuantizeOptions,
} from '@nncf/quantization';
import { badSetting, percent, type ProgressBar, type ReportProgress, type Voice } from '@nncf/sample-training';
import type { Settings } from '../settings/settings.ts';
import { agreementOf } from './agreement.ts';
import { openData } from './data.ts';
import { openModel } from './model.ts';
import { evaluateOnnx } from './onnx-runtime.ts';

/** What post-training quantization is asked for. */
export interface QuantizeSettings {
  readonly options: QuantizeOptions;
  /** Pictures to calibrate with. */
  readonly subsetSize: number;
  /** Pictures to evaluate on; all when left out. */
  readonly testSize?: number | undefined;
  /** Largest drop of top-1, 0 … 1; without it whatever comes is taken. */
  readonly maxDrop?: number | undefined;
}

/** Figures of a run. */
export interface QuantizeResult {
  /** Top-1 in floating point and quantized, 0 … 1. */
  readonly float: ClassificationScore;
  readonly quantized: ClassificationScore;
  readonly report: PostTrainingReport;
  /** Of the quantization alone. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly onnx?: ClassificationScore;
}

/** Values of one batch's pictures: large pictures come in small batches. */
const BATCH_VALUES = 4_000_000;
const LARGEST_BATCH = 100;

/** Quantizes a trained network without training, and tells what it costs in accuracy. */
export async function quantizeRun(settings: Settings, asked: QuantizeSettings, voice: Voice): Promise<QuantizeResult> {
  const { calibration, test } = await openPictures(settings, asked);
  const model = await openModel(settings, calibration);
  voice.say(`${model.name}: ${model.countParams()} parameters; ${calibration.size} pictures to calibrate, ${test.size} to evaluate`);
  const float = await evaluate(model, test, 'floating point', voice);
  const { algorithm, ...figures } = await timed(() => quantized(model, calibration, test, asked, voice));
  describe(figures.report, voice);
  const score = await evaluate(model, test, 'quantized', voice);
  voice.say(verdict(float, score, figures));
  const onnx = settings.toOnnx === undefined ? undefined : await exported(algorithm, settings.toOnnx, test, score, voice);
  algorithm.remove();
  model.dispose();
  return { float, quantized: score, ...figures, ...(onnx === undefined ? {} : { onnx }) };
}

/** Calibration pictures are training pictures; of the ImageNet samples, which have no other part, they are left out of the evaluation. */
async function openPictures(settings: Settings, asked: QuantizeSettings): Promise<{ calibration: ImageDataset; test: ImageDataset }> {
  const { subsetSize, testSize } = asked;
  const { train, test } = settings.dataset === 'imagenet-samples' ? await openSamples(settings) : await openData(settings);
  const [calibration, rest] = randomSplit(train, Math.min(subsetSize, train.size), settings.seed);
  const shown = test ?? rest;
  const part =
    testSize === undefined || testSize >= shown.size
      ? shown
      : subset(
          shown,
          Array.from({ length: testSize }, (_, place) => place),
        );
  const fit = (dataset: ImageDataset): ImageDataset => ({ ...dataset, ...scalingOf(settings) });
  return { calibration: fit(calibration), test: fit(part) };
}

async function openSamples({ data }: Settings): Promise<{ train: ImageDataset; test: undefined }> {
  const file = data ?? sharedFile('data/imagenet-samples-even.tar');
  if (file === undefined) throw badSetting('the ImageNet samples are not there', 'Give --data <imagenet-samples-even.tar>.');
  return { train: await toMemory(await imagenetSamples(file)), test: undefined };
}

/** The published ResNet-8 of MLPerf Tiny reads pixels as they are. */
function scalingOf({ weights = '' }: Settings): Partial<ImageDataset> {
  return basename(weights).startsWith('resnet8_cifar10') ? { normalization: rawPixels } : {};
}

interface Quantized {
  readonly algorithm: ModelCompression<tfl.LayersModel>;
  readonly report: PostTrainingReport | AccuracyControlReport;
}

async function quantized(
  model: tfl.LayersModel,
  calibration: ImageDataset,
  test: ImageDataset,
  { options, maxDrop, subsetSize }: QuantizeSettings,
  { progress }: Voice,
): Promise<Quantized> {
  const data = batches(calibration, { batchSize: batchSizeOf(calibration) });
  const bars = stages(progress);
  const all = { ...options, subsetSize, progress: bars.show };
  try {
    if (maxDrop === undefined) return await quantize(model, data, all);
    const top1 = async (subject: tfl.LayersModel): Promise<number> =>
      (await evaluateClassifier(subject, test, { batchSize: batchSizeOf(test) })).top1;
    return await quantizeWithAccuracyControl(model, data, test, top1, { ...all, maxDrop });
  } finally {
    bars.stop();
  }
}

function batchSizeOf({ imageShape }: ImageDataset): number {
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(BATCH_VALUES / imageLength(imageShape))));
}

/** A bar for every stage in turn. */
function stages(progress: ReportProgress): { readonly show: Progress; stop(): void } {
  let present: { readonly stage: string; readonly bar: ProgressBar } | undefined;
  const stop = (): void => present?.bar.stop();
  const show: Progress = (stage, done, total) => {
    if (present?.stage !== stage) {
      stop();
      present = { stage, bar: progress(stage) };
    }
    present.bar.update(done, total);
  };
  return { show, stop };
}

async function timed<Result extends object>(task: () => Promise<Result>): Promise<Result & { seconds: number; cpuSeconds: number }> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  const result = await task();
  const { user, system } = process.cpuUsage(cpu);
  return { ...result, seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6 };
}

async function evaluate(model: tfl.LayersModel, test: ImageDataset, label: string, { progress, say }: Voice): Promise<ClassificationScore> {
  const bar = progress(label);
  const onProgress = (done: number, total: number): void => bar.update(done, total);
  const score = await evaluateClassifier(model, test, { batchSize: batchSizeOf(test), onProgress });
  bar.stop();
  say(`${label}: top-1 ${percent(score.top1)}, top-5 ${percent(score.top5)} of ${score.count} pictures`);
  return score;
}

function verdict(
  float: ClassificationScore,
  score: ClassificationScore,
  { seconds, cpuSeconds }: { seconds: number; cpuSeconds: number },
): string {
  const drop = (100 * (float.top1 - score.top1)).toFixed(2);
  return `drop ${drop} points${agreementOf(float, score).replace('TensorFlow.js', 'in floating point')}; quantized in ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} s of CPU`;
}

/** What could not be corrected, and what was given back. */
function describe(report: PostTrainingReport | AccuracyControlReport, { say }: Voice): void {
  for (const { layer, reason } of report.biasCorrection) if (reason !== undefined) say(`${layer} keeps its bias: ${reason}`);
  if (!('steps' in report)) return;
  for (const { operations, reason, metric, kept } of report.steps)
    say(`${kept ? 'given back' : 'tried and put back'}: ${operations.join(', ')}; ${reason}; top-1 ${percent(metric)}`);
}

async function exported(
  algorithm: ModelCompression<tfl.LayersModel>,
  file: string,
  test: ImageDataset,
  score: ClassificationScore,
  { say }: Voice,
): Promise<ClassificationScore> {
  await algorithm.exportModel(file);
  say(`written: ${file}`);
  const onnx = await evaluateOnnx(file, test, { batchSize: batchSizeOf(test) });
  say(`ONNX Runtime: top-1 ${percent(onnx.top1)}, top-5 ${percent(onnx.top5)}${agreementOf(score, onnx)}`);
  return onnx;
}
