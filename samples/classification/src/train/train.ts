import * as tf from '@tensorflow/tfjs-core';
import { batches, evaluateClassifier, type Augmentation, type Batch, type ImageDataset } from '@nncf/datasets';
import type { JsonObject } from '@nncf/core';
import type { Distillation } from '@nncf/distillation';
import { diverged } from '../errors.ts';
import type { LearningRate } from './learning-rate.ts';
import { crossEntropy, hits } from './loss.ts';
import { Meter, type MeterReading } from './meter.ts';
import { createOptimizer, disposeOptimizer, trainingStep, type OptimizerOptions, type TrainingStep } from './optimizer.ts';
import type { Subject } from './subject.ts';
import type { EpochRecord } from './train-log.ts';

/** State of a run at a moment that is shown. */
export interface TrainProgress {
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Share of right answers in this epoch, 0 … 1. */
  readonly accuracy: number;
  readonly rate: number;
}

/** Training on parts of the pictures at first. */
export interface WindowOptions {
  /** Side of the square in pixels. */
  readonly size: number;
  /** Number of epochs at the start; half an epoch is 0.5. */
  readonly epochs: number;
}

/** How a subject is trained. */
export interface TrainOptions {
  readonly train: ImageDataset;
  /** Pictures of the evaluation after an epoch. */
  readonly test?: ImageDataset;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: LearningRate;
  readonly optimizer: OptimizerOptions;
  readonly augment?: Augmentation | undefined;
  readonly labelSmoothing?: number;
  /** A teacher whose answers are learned beside the labels. @default none */
  readonly distillation?: Distillation | undefined;
  /** Train on random windows of this side in the first epochs: quicker, and the rest makes up for it (progressive resizing). @default none */
  readonly window?: WindowOptions | undefined;
  /** Orders and augmentation. @default 0 */
  readonly seed?: number;
  /** Evaluate after every so many epochs, and after the last. @default 1 */
  readonly evaluateEvery?: number;
  /** Written after every epoch, whole or not at all. @default none */
  readonly checkpoint?: string;
  /** Written when a stage of the compression ends, for methods that count their stages. @default none */
  readonly stageCheckpoint?: ((stage: string) => string) | undefined;
  /** Go on from the checkpoint, or from another one by its path. @default false */
  readonly resume?: boolean | string;
  /** Steps between two calls of `onProgress`. @default 50 */
  readonly progressEvery?: number;
  readonly onProgress?: (progress: TrainProgress) => void;
  readonly onEpoch?: (record: EpochRecord, best: boolean) => void | Promise<void>;
}

/** What a run came to. */
export interface TrainResult {
  /** Highest top-1 of all evaluations, 0 … 1, and its epoch. */
  readonly best: { readonly top1: number; readonly epoch: number };
  /** Top-1 after the last epoch. */
  readonly final: number;
  readonly steps: number;
  /** Time in training steps, reading of data included, evaluation not. */
  readonly trainSeconds: number;
}

interface Run {
  readonly subject: Subject;
  readonly options: TrainOptions;
  readonly optimizer: tf.Optimizer;
  readonly step: TrainingStep;
}

/**
 * Trains a subject with cross entropy on one-hot labels.
 * @throws NncfError `NON_FINITE` when the loss is no number any more; the last checkpoint is then that of the epoch before
 */
export async function train(subject: Subject, options: TrainOptions): Promise<TrainResult> {
  const main = createOptimizer(options.optimizer);
  const optimizer = subject.group?.(main) ?? main;
  const run: Run = { subject, options, optimizer, step: trainingStep(main, optimizer, subject.trained, options.optimizer) };
  try {
    return await epochs(run, await startOf(run));
  } finally {
    disposeOptimizer(optimizer, main);
  }
}

/** Where a run stands between two epochs; the checkpoint's `extra`. */
interface Standing {
  readonly epoch: number;
  readonly bestTop1: number;
  readonly bestEpoch: number;
  /** Stage of the compression that the best evaluation is of; empty where stages are not counted. */
  readonly bestStage: string;
  readonly trainSeconds: number;
}

const START: Standing = { epoch: 0, bestTop1: 0, bestEpoch: 0, bestStage: '', trainSeconds: 0 };

async function startOf({ subject, options, optimizer }: Run): Promise<Standing> {
  const file = typeof options.resume === 'string' ? options.resume : options.checkpoint;
  if (options.resume === undefined || options.resume === false || file === undefined) return START;
  const extra = await subject.load(file, optimizer);
  const number = (key: string): number => Number(extra[key] ?? 0);
  return {
    epoch: number('epoch'),
    bestTop1: number('bestTop1'),
    bestEpoch: number('bestEpoch'),
    bestStage: String(extra['bestStage'] ?? ''),
    trainSeconds: number('trainSeconds'),
  };
}

async function epochs(run: Run, start: Standing): Promise<TrainResult> {
  const { options } = run;
  let standing = start;
  let final = start.bestTop1;
  const perEpoch = Math.floor(options.train.size / options.batchSize);
  while (standing.epoch < options.epochs) {
    const stage = stageOf(run);
    const record = await oneEpoch(run, standing.epoch);
    const isOver = stageOf(run) !== stage;
    // What is evaluated after the last epoch of a stage is the next one, untrained: no figure to compare.
    const better = !isOver && isBetter(record, standing, stage);
    final = record.top1 ?? final;
    standing = advance(standing, record, better ? stage : undefined);
    await save(run, standing, isOver || record.epoch === options.epochs ? stage : undefined);
    await options.onEpoch?.(record, better);
  }
  const { bestTop1, bestEpoch, trainSeconds } = standing;
  return { best: { top1: bestTop1, epoch: bestEpoch }, final, steps: perEpoch * options.epochs, trainSeconds };
}

function stageOf({ subject }: Run): string {
  return subject.stage?.() ?? '';
}

/** A network is compared within one stage of its compression: the stages before were easier. */
function isBetter({ top1 }: EpochRecord, standing: Standing, stage: string): boolean {
  return top1 !== undefined && (stage !== standing.bestStage || top1 > standing.bestTop1);
}

/** @param best stage of the evaluation, if that is the best one so far */
function advance(standing: Standing, record: EpochRecord, best: string | undefined): Standing {
  const next = { ...standing, epoch: record.epoch, trainSeconds: standing.trainSeconds + record.seconds };
  return best === undefined ? next : { ...next, bestTop1: record.top1!, bestEpoch: record.epoch, bestStage: best };
}

/** @param ended stage that is over, if one is */
async function save({ subject, options, optimizer }: Run, standing: Standing, ended: string | undefined): Promise<void> {
  const stage = ended === undefined || ended === '' ? undefined : options.stageCheckpoint?.(ended);
  for (const file of [options.checkpoint, stage])
    if (file !== undefined) await subject.save(file, optimizer, { ...standing } satisfies JsonObject);
}

async function oneEpoch(run: Run, epoch: number): Promise<EpochRecord> {
  const { subject } = run;
  const started = performance.now();
  const { loss, accuracy } = await pass(run, epoch);
  subject.epochStep?.();
  const seconds = (performance.now() - started) / 1000;
  return {
    epoch: epoch + 1,
    loss,
    trainAccuracy: accuracy,
    rate: rateOf(run, epoch + 1),
    top1: await evaluate(run, epoch + 1),
    seconds,
    note: subject.note?.(),
  };
}

/** @param progress in epochs */
function rateOf({ subject, options }: Run, progress: number): number {
  return subject.rate?.() ?? options.learningRate(progress);
}

async function evaluate({ options, subject }: Run, epoch: number): Promise<number | undefined> {
  const due = epoch % (options.evaluateEvery ?? 1) === 0 || epoch === options.epochs;
  if (options.test === undefined || !due) return undefined;
  return (await evaluateClassifier(subject.model, options.test)).top1;
}

/** All training pictures once. */
async function pass(run: Run, epoch: number): Promise<{ loss: number; accuracy: number }> {
  const { options } = run;
  const { batchSize, seed = 0, progressEvery = 50 } = options;
  const augment = options.augment === undefined ? {} : { augment: options.augment };
  const stream = batches(options.train, { batchSize, seed, epoch, shuffle: true, dropRemainder: true, ...augment });
  const meter = new Meter();
  let step = 0;
  try {
    for await (const batch of stream) {
      const progress = epoch + step / stream.size;
      const rate = rateOf(run, progress);
      oneStep(run, batch, windowOf(options, progress, step), rate, meter);
      step += 1;
      if (step % progressEvery !== 0 && step !== stream.size) continue;
      const reading = checked(await meter.read(), epoch, step);
      options.onProgress?.({ epoch: epoch + 1, step, steps: stream.size, rate, ...reading });
    }
    return await meter.read();
  } finally {
    meter.dispose();
  }
}

function oneStep({ subject, options, step }: Run, batch: Batch, window: Window | undefined, rate: number, meter: Meter): void {
  let right: tf.Scalar | undefined;
  const loss = step(() => {
    const x = cut(batch.xs, window);
    const logits = firstOutput(subject.model.apply(x, { training: true }));
    right = tf.keep(hits(batch.ys, logits));
    const terms = [subject.extraLoss?.(), options.distillation?.loss(x, logits)].filter((term) => term !== undefined);
    return tf.addN([crossEntropy(batch.ys, logits, options.labelSmoothing), ...terms]);
  }, rate);
  meter.add(loss, right!, batch.labels.length);
  subject.step?.();
}

/** A square part of the pictures. */
interface Window {
  readonly top: number;
  readonly left: number;
  readonly size: number;
}

/** One window for all pictures of a batch: each of them has its own shift already. */
function windowOf({ window, train, seed = 0 }: TrainOptions, progress: number, step: number): Window | undefined {
  if (window === undefined || progress >= window.epochs) return undefined;
  const [height, width] = train.imageShape;
  const random = (range: number, salt: number): number =>
    (Math.imul(step + Math.floor(progress) * 7919 + seed + 1, salt) >>> 8) % (range + 1);
  return { size: window.size, top: random(height - window.size, 0x9e3779b1), left: random(width - window.size, 0x85ebca6b) };
}

function cut(xs: tf.Tensor4D, window: Window | undefined): tf.Tensor4D {
  return window === undefined ? xs : tf.slice(xs, [0, window.top, window.left, 0], [-1, window.size, window.size, -1]);
}

function firstOutput(output: unknown): tf.Tensor {
  const first: unknown = Array.isArray(output) ? output[0] : output;
  if (first instanceof tf.Tensor) return first;
  throw new TypeError('The model returned no tensor.');
}

function checked(reading: MeterReading, epoch: number, step: number): MeterReading {
  if (!Number.isFinite(reading.loss)) throw diverged(reading.loss, epoch + 1, step);
  return reading;
}
