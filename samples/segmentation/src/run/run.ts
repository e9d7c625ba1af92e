import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { segmentationBatches, type SegmentationBatch } from '@nncf/datasets';
import { exportOnnx } from '@nncf/onnx-exporter';
import { onnxFileOf, openSubject, percent, toTable, trainOrLoad, type Mode, type Opened, type Voice } from '@nncf/sample-training';
import { drawComparisons } from '../pictures/comparisons.ts';
import type { SegmentationScore } from '../score/confusion.ts';
import { evaluateModel, evaluateOnnx } from '../score/evaluate.ts';
import type { Settings } from '../settings/settings.ts';
import { segmentationLoss } from '../train/loss.ts';
import { segmentation } from '../train/task.ts';
import { classWeightsOf, openData, type Data } from './data.ts';
import { openModel } from './model.ts';

/** Figures of a run; undefined where the mode has none. */
export interface RunResult {
  /** In TensorFlow.js. */
  readonly score: SegmentationScore | undefined;
  /** Of the exported file in ONNX Runtime. */
  readonly onnxScore: SegmentationScore | undefined;
  readonly onnxFile: string | undefined;
}

/** The file has the network's first output; the others are for training. */
const OUTPUTS = { outputs: [0] };

/** Runs one mode from settings to figures. */
export async function run(mode: Mode, settings: Settings, voice: Voice): Promise<RunResult> {
  const data = await openData(settings);
  const opened = await open(settings, data, voice);
  const { model, subject } = opened;
  await trainOrLoad(mode, subject, () => taskOf(settings, data), settings, voice, notes(settings));
  const score = mode === 'export' ? undefined : await evaluate(model, data, voice);
  if (settings.pictures !== undefined) await drawPictures(model, settings.pictures, settings, data, voice);
  const onnxFile = onnxFileOf(mode, settings);
  const onnxScore = onnxFile === undefined ? undefined : await exported(opened, onnxFile, data, voice);
  opened.algo?.remove();
  model.dispose();
  return { score, onnxScore, onnxFile };
}

async function open(settings: Settings, data: Data, voice: Voice): Promise<Opened> {
  const model = await openModel(settings, data.train, settings.weights);
  const { train, test } = data;
  voice.say(`${model.name}: ${model.countParams()} parameters; ${train.name}: ${train.size} pictures, ${test.name}: ${test.size}`);
  const { compression, batchSize, seed } = settings;
  const pictures = segmentationBatches(train, { batchSize, seed, shuffle: true });
  const loss = (_: tf.Tensor, { ys }: SegmentationBatch, outputs: readonly tf.Tensor[]): tf.Scalar =>
    segmentationLoss(outputs, ys, settings.auxiliary);
  return openSubject(model, compression, { data: pictures, loss }, voice);
}

async function taskOf(settings: Settings, data: Data): Promise<ReturnType<typeof segmentation>> {
  const { batchSize, seed, augment, auxiliary } = settings;
  return segmentation({ ...data, batchSize, seed, augment, auxiliary, classWeights: await classWeightsOf(settings, data.train) });
}

function notes({ model, width, dataset, pictureSize }: Settings): Record<string, string> {
  return { architecture: model, width: String(width), dataset, picture_size: pictureSize.join('x') };
}

async function evaluate(model: tfl.LayersModel, { test }: Data, { say, progress }: Voice): Promise<SegmentationScore> {
  const bar = progress('evaluation');
  const score = await evaluateModel(model, test, { onProgress: (done, total) => bar.update(done, total) });
  bar.stop();
  say(toTable({ columns: ['IoU'], rows: test.classNames.map((name, label) => [name, iouText(score.iou[label])]) }));
  say(`TensorFlow.js: ${scoreText(score)} of ${test.size} pictures`);
  return score;
}

function iouText(iou: number | undefined): string {
  return iou === undefined ? 'not there' : percent(iou);
}

function scoreText({ meanIoU, accuracy }: SegmentationScore): string {
  return `mIoU ${percent(meanIoU)}, pixels ${percent(accuracy)}`;
}

/** Writes the file and scores it. */
async function exported({ model, algo }: Opened, file: string, { test }: Data, { say, progress }: Voice): Promise<SegmentationScore> {
  if (algo === undefined) await exportOnnx(model, file, OUTPUTS);
  else await algo.exportModel(file, OUTPUTS);
  say(`written: ${file}`);
  const bar = progress('ONNX Runtime');
  const score = await evaluateOnnx(file, test, { onProgress: (done, total) => bar.update(done, total) });
  bar.stop();
  say(`ONNX Runtime: ${scoreText(score)}`);
  return score;
}

/** Pictures beside their masks, and beside those of the uncompressed network where its weights are given. */
async function drawPictures(model: tfl.LayersModel, folder: string, settings: Settings, { test }: Data, { say }: Voice): Promise<void> {
  const { floatWeights, pictureCount } = settings;
  const float = floatWeights === undefined ? undefined : await openModel(settings, test, floatWeights);
  const files = await drawComparisons(float === undefined ? [model] : [float, model], test, folder, pictureCount);
  float?.dispose();
  say(`${files.length} pictures in ${folder}: picture, truth${float === undefined ? '' : ', floating point'}, network`);
}
