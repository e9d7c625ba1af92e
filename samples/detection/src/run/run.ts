import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { detectionBatches, type DetectionBatch } from '@nncf/datasets';
import { onnxFileOf, openSubject, percent, toTable, trainOrLoad, type Mode, type Opened, type Voice } from '@nncf/sample-training';
import type { Detector } from '@nncf/zoo';
import { exportDetector } from '../onnx/export-detector.ts';
import { drawComparisons } from '../pictures/comparisons.ts';
import type { Settings } from '../settings/settings.ts';
import { predictionsOf } from '../ssd/detect.ts';
import { detectionLoss } from '../ssd/detection-loss.ts';
import { detection } from '../train/task.ts';
import { normalizationOf, openData, type Data } from './data.ts';
import { evaluateDetector, evaluateOnnx, type DetectionScore, type EvaluationOptions } from './evaluate.ts';
import { openModel } from './model.ts';

/** A detector with its model ready to run. */
interface OpenedDetector extends Opened {
  readonly detector: Detector;
}

/** Figures of a run; undefined where the mode has none. */
export interface RunResult {
  /** In TensorFlow.js. */
  readonly score: DetectionScore | undefined;
  /** Of the exported file in ONNX Runtime. */
  readonly onnxScore: DetectionScore | undefined;
  readonly onnxFile: string | undefined;
}

/** Runs one mode from settings to figures. */
export async function run(mode: Mode, settings: Settings, voice: Voice): Promise<RunResult> {
  const data = await openData(settings);
  const opened = await open(settings, data, voice);
  const { subject, detector } = opened;
  await trainOrLoad(mode, subject, () => taskOf(settings, data, detector), settings, voice, notes(settings));
  const score = mode === 'export' ? undefined : await evaluate(detector, settings, data, voice);
  if (settings.pictures !== undefined) await drawPictures(detector, settings.pictures, settings, data, voice);
  const onnxFile = onnxFileOf(mode, settings);
  const onnxScore = onnxFile === undefined ? undefined : await exported(opened, onnxFile, settings, data, voice);
  opened.algo?.remove();
  detector.model.dispose();
  return { score, onnxScore, onnxFile };
}

async function open(settings: Settings, data: Data, voice: Voice): Promise<OpenedDetector> {
  const { train, test, classNames } = data;
  const { compression, batchSize, seed, size, weights } = settings;
  const detector = await openModel(settings, classNames.length, weights);
  const { model } = detector;
  voice.say(
    `${model.name}: ${model.countParams()} parameters; ${train.name}: ${train.images.length} pictures, ${test.name}: ${test.images.length}`,
  );
  const pictures = detectionBatches(train, { batchSize, seed, size, normalization: normalizationOf(settings), shuffle: true });
  const lossOf = detectionLoss(detector);
  const loss = (_: tf.Tensor, { objects }: DetectionBatch, outputs: readonly tf.Tensor[]): tf.Scalar =>
    lossOf(predictionsOf(outputs), objects);
  return { detector, ...(await openSubject(model, compression, { data: pictures, loss }, voice)) };
}

function optionsOf(settings: Settings): Pick<EvaluationOptions, 'size' | 'normalization' | 'batchSize'> {
  return { size: settings.size, normalization: normalizationOf(settings), batchSize: settings.batchSize };
}

function taskOf(settings: Settings, { train, test }: Data, detector: Detector): ReturnType<typeof detection> {
  const { seed, augment, selection, dataset } = settings;
  const options = { ...optionsOf(settings), batchSize: settings.batchSize };
  const evaluate = async (model: tfl.LayersModel): Promise<number> =>
    mainFigure(await evaluateDetector({ ...detector, model }, test, selection, options), dataset);
  return detection({ detector, train, ...options, seed, augment, evaluate });
}

/** What a run is judged by. */
function mainFigure({ voc, coco }: DetectionScore, dataset: Settings['dataset']): number {
  return dataset === 'coco' ? coco.ap : voc.map;
}

function notes({ model, width, batchNorm, dataset, size }: Settings): Record<string, string> {
  return { architecture: model, width: String(width), batch_norm: String(batchNorm), dataset, input_size: size.join('x') };
}

async function evaluate(detector: Detector, settings: Settings, { test }: Data, { say, progress }: Voice): Promise<DetectionScore> {
  const bar = progress('evaluation');
  const onProgress = (done: number, total: number): void => bar.update(done, total);
  const score = await evaluateDetector(detector, test, settings.selection, { ...optionsOf(settings), onProgress });
  bar.stop();
  say(classTable(score, test.classNames));
  say(`TensorFlow.js: ${scoreText(score)}`);
  return score;
}

function classTable({ voc }: DetectionScore, classNames: readonly string[]): string {
  const rows = voc.classes.flatMap((precision, label) =>
    precision === undefined ? [] : [[classNames[label] ?? String(label), percent(precision)]],
  );
  return toTable({ columns: ['AP at 0.5'], rows });
}

function scoreText({ voc, elevenPoints, coco, count }: DetectionScore): string {
  const figures = [
    `mAP at 0.5 ${percent(voc.map)} (11 points ${percent(elevenPoints)})`,
    `COCO AP ${coco.ap.toFixed(4)}, at 0.5 ${coco.ap50.toFixed(4)}, at 0.75 ${coco.ap75.toFixed(4)}, AR ${coco.ar.toFixed(4)}`,
  ];
  return `${figures.join('; ')}; ${count} pictures`;
}

/** Writes the file and scores it. */
async function exported(
  opened: OpenedDetector,
  file: string,
  settings: Settings,
  { test }: Data,
  { say, progress }: Voice,
): Promise<DetectionScore> {
  await exportDetector(opened.detector, opened.algo, file, settings.selection);
  say(`written: ${file}`);
  const bar = progress('ONNX Runtime');
  const onProgress = (done: number, total: number): void => bar.update(done, total);
  const score = await evaluateOnnx(file, test, { ...optionsOf(settings), onProgress });
  bar.stop();
  say(`ONNX Runtime: ${scoreText(score)}`);
  return score;
}

/** Pictures with true and found boxes, and with those of the uncompressed network where its weights are given. */
async function drawPictures(
  detector: Detector,
  folder: string,
  settings: Settings,
  { test, classNames }: Data,
  { say }: Voice,
): Promise<void> {
  const { floatWeights, pictureCount: count, selection } = settings;
  const float = floatWeights === undefined ? undefined : await openModel(settings, classNames.length, floatWeights);
  const detectors = float === undefined ? [detector] : [float, detector];
  const files = await drawComparisons(detectors, test, { ...optionsOf(settings), selection, folder, count });
  float?.model.dispose();
  say(`${files.length} pictures in ${folder}: truth${float === undefined ? '' : ', floating point'}, network`);
}
