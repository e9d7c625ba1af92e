import { tokenBatches, type TokenBatch, type TokenBatches } from '@nncf/datasets';
import { exportOnnx } from '@nncf/onnx-exporter';
import { onnxFileOf, openSubject, percent, trainOrLoad, type Mode, type Opened, type Task, type Voice } from '@nncf/sample-training';
import { restartDropout } from '@nncf/zoo';
import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { Problem, Score } from '../problems/problem.ts';
import type { Settings } from '../settings/settings.ts';
import { openData, type Data } from './data.ts';
import { openModel } from './model.ts';
import { modelPredictor, predictAll, withOnnx, type Predictor } from './predict.ts';

/** Figures of a run; undefined where the mode has none. */
export interface RunResult {
  /** In TensorFlow.js. */
  readonly score: Score | undefined;
  /** Of the exported file in ONNX Runtime. */
  readonly onnxScore: Score | undefined;
  readonly onnxFile: string | undefined;
}

/** Runs one mode from settings to figures. */
export async function run(mode: Mode, settings: Settings, voice: Voice): Promise<RunResult> {
  const data = await openData(settings, mode === 'train' || settings.compression !== undefined);
  const opened = await open(settings, data, voice);
  const { model, subject } = opened;
  const { problem } = data;
  await trainOrLoad(mode, subject, () => taskOf(settings, problem, model), settings, voice, notes(settings));
  const score = mode === 'export' ? undefined : await evaluate('TensorFlow.js', modelPredictor(model), settings, problem, voice);
  const onnxFile = onnxFileOf(mode, settings);
  const onnxScore = onnxFile === undefined ? undefined : await exported(opened, onnxFile, settings, problem, voice);
  if (score !== undefined && onnxScore !== undefined) voice.say(`the same answer in both: ${percent(agreement(score, onnxScore))}`);
  opened.algo?.remove();
  model.dispose();
  return { score, onnxScore, onnxFile };
}

async function open(settings: Settings, data: Data, voice: Voice): Promise<Opened> {
  const { problem } = data;
  const model = await openModel(settings, data);
  voice.say(`${settings.model}: ${model.countParams()} parameters; ${problem.note}`);
  const loss = (_: tf.Tensor, batch: TokenBatch, outputs: readonly tf.Tensor[]): tf.Scalar => problem.loss(batch.ys, outputs);
  return openSubject(model, settings.compression, { data: trainingBatches(settings, problem, 0), loss }, voice);
}

function trainingBatches({ batchSize, seed, length, open: isOpen }: Settings, problem: Problem, epoch: number): TokenBatches {
  const padding = isOpen ? ({ padTo: 'longest', groupByLength: true } as const) : {};
  const order = { batchSize, seed, epoch, length, shuffle: true, dropRemainder: true, ...padding };
  return tokenBatches(problem.train ?? [], (indices) => problem.targets(indices), order);
}

/** Learns the problem; the score of an epoch is the one that decides. */
function taskOf(settings: Settings, problem: Problem, trained: tfl.LayersModel): Task<TokenBatch> {
  return {
    epoch: (epoch) => {
      restartDropout(trained, epoch);
      return trainingBatches(settings, problem, epoch);
    },
    step: (model, { xs, ys, indices }) => {
      const outputs = [model.apply([...xs], { training: true }) as tf.Tensor | tf.Tensor[]].flat();
      return { loss: problem.loss(ys, outputs), hits: problem.hits(ys, outputs), count: indices.length };
    },
    evaluate: async (model) => problem.score(await predictAll(modelPredictor(model), problem.test, settings)).main,
  };
}

function notes({ model, dataset, length }: Settings): Record<string, string> {
  return { architecture: model, dataset, max_length: String(length) };
}

async function evaluate(label: string, predict: Predictor, settings: Settings, problem: Problem, { say, progress }: Voice): Promise<Score> {
  const bar = progress(label);
  const onProgress = (done: number, total: number): void => bar.update(done, total);
  const score = problem.score(await predictAll(predict, problem.test, { ...settings, onProgress }));
  bar.stop();
  say(`${label}: ${score.text}`);
  return score;
}

/** Writes the file, whose texts are all of the greatest length, and scores it. */
async function exported({ model, algo }: Opened, file: string, settings: Settings, problem: Problem, voice: Voice): Promise<Score> {
  if (algo === undefined) await exportOnnx(model, file, {}, settings.inputInfo);
  else await algo.exportModel(file);
  voice.say(`written: ${file}`);
  return withOnnx(file, (predict) => evaluate('ONNX Runtime', predict, { ...settings, open: false }, problem, voice));
}

function agreement(a: Score, b: Score): number {
  return a.predictions.filter((prediction, i) => prediction === b.predictions[i]).length / a.predictions.length;
}
