import * as tf from '@tensorflow/tfjs-core';
import type { JsonObject } from '@nncf/core';
import { diverged } from '../errors.ts';
import type { LearningRate } from './learning-rate.ts';
import { Meter, type MeterReading } from './meter.ts';
import { createOptimizer, disposeOptimizer, trainingStep, type OptimizerOptions, type TrainingStep } from './optimizer.ts';
import type { Subject } from './subject.ts';
import type { Moment, Task } from './task.ts';
import type { EpochRecord } from './train-log.ts';

/** State of a run at a moment that is shown. */
export interface TrainProgress {
  readonly epoch: number;
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Share of right answers in this epoch, 0 … 1; undefined for a task that does not count them. */
  readonly accuracy: number | undefined;
  readonly rate: number;
}

/** How a subject is trained. */
export interface TrainOptions {
  readonly epochs: number;
  readonly learningRate: LearningRate;
  readonly optimizer: OptimizerOptions;
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
  /** Highest score of all evaluations, 0 … 1, and its epoch. */
  readonly best: { readonly score: number; readonly epoch: number };
  /** Score after the last epoch. */
  readonly final: number;
  readonly steps: number;
  /** Time in training steps, reading of data included, evaluation not. */
  readonly trainSeconds: number;
}

interface Run<Batch> {
  readonly task: Task<Batch>;
  readonly subject: Subject;
  readonly options: TrainOptions;
  readonly optimizer: tf.Optimizer;
  readonly step: TrainingStep;
}

/**
 * Trains a subject for a task.
 * @throws NncfError `NON_FINITE` when the loss is no number any more; the last checkpoint is then that of the epoch before
 */
export async function train<Batch>(subject: Subject, task: Task<Batch>, options: TrainOptions): Promise<TrainResult> {
  const main = createOptimizer(options.optimizer);
  const optimizer = subject.group?.(main) ?? main;
  const run: Run<Batch> = { task, subject, options, optimizer, step: trainingStep(main, optimizer, subject.trained, options.optimizer) };
  try {
    return await epochs(run, await startOf(run));
  } finally {
    disposeOptimizer(optimizer, main);
  }
}

/** Where a run stands between two epochs; the checkpoint's `extra`. */
interface Standing {
  readonly epoch: number;
  readonly bestScore: number;
  readonly bestEpoch: number;
  /** Stage of the compression that the best evaluation is of; empty where stages are not counted. */
  readonly bestStage: string;
  readonly steps: number;
  readonly trainSeconds: number;
}

const START: Standing = { epoch: 0, bestScore: 0, bestEpoch: 0, bestStage: '', steps: 0, trainSeconds: 0 };

async function startOf<Batch>({ subject, options, optimizer }: Run<Batch>): Promise<Standing> {
  const file = typeof options.resume === 'string' ? options.resume : options.checkpoint;
  if (options.resume === undefined || options.resume === false || file === undefined) return START;
  const extra = await subject.load(file, optimizer);
  const number = (key: string): number => Number(extra[key] ?? 0);
  return {
    epoch: number('epoch'),
    bestScore: number('bestScore'),
    bestEpoch: number('bestEpoch'),
    bestStage: String(extra['bestStage'] ?? ''),
    steps: number('steps'),
    trainSeconds: number('trainSeconds'),
  };
}

async function epochs<Batch>(run: Run<Batch>, start: Standing): Promise<TrainResult> {
  const { options } = run;
  let standing = start;
  let final = start.bestScore;
  while (standing.epoch < options.epochs) {
    const stage = stageOf(run);
    const record = await oneEpoch(run, standing.epoch);
    const isOver = stageOf(run) !== stage;
    // What is evaluated after the last epoch of a stage is the next one, untrained: no figure to compare.
    const better = !isOver && isBetter(record, standing, stage);
    final = record.score ?? final;
    standing = advance(standing, record, better ? stage : undefined);
    await save(run, standing, isOver || record.epoch === options.epochs ? stage : undefined);
    await options.onEpoch?.(record, better);
  }
  const { bestScore, bestEpoch, steps, trainSeconds } = standing;
  return { best: { score: bestScore, epoch: bestEpoch }, final, steps, trainSeconds };
}

function stageOf<Batch>({ subject }: Run<Batch>): string {
  return subject.stage?.() ?? '';
}

/** A network is compared within one stage of its compression: the stages before were easier. */
function isBetter({ score }: EpochRecord, standing: Standing, stage: string): boolean {
  return score !== undefined && (stage !== standing.bestStage || score > standing.bestScore);
}

/** @param best stage of the evaluation, if that is the best one so far */
function advance(standing: Standing, record: EpochRecord, best: string | undefined): Standing {
  const { epoch, steps, seconds } = record;
  const next = { ...standing, epoch, steps: standing.steps + steps, trainSeconds: standing.trainSeconds + seconds };
  return best === undefined ? next : { ...next, bestScore: record.score!, bestEpoch: record.epoch, bestStage: best };
}

/** @param ended stage that is over, if one is */
async function save<Batch>({ subject, options, optimizer }: Run<Batch>, standing: Standing, ended: string | undefined): Promise<void> {
  const stage = ended === undefined || ended === '' ? undefined : options.stageCheckpoint?.(ended);
  for (const file of [options.checkpoint, stage])
    if (file !== undefined) await subject.save(file, optimizer, { ...standing } satisfies JsonObject);
}

async function oneEpoch<Batch>(run: Run<Batch>, epoch: number): Promise<EpochRecord> {
  const { subject } = run;
  const started = performance.now();
  const { loss, accuracy, steps } = await pass(run, epoch);
  subject.epochStep?.();
  const seconds = (performance.now() - started) / 1000;
  return {
    epoch: epoch + 1,
    steps,
    loss,
    trainAccuracy: accuracy,
    rate: rateOf(run, epoch + 1),
    score: await evaluate(run, epoch + 1),
    seconds,
    note: subject.note?.(),
  };
}

/** @param progress in epochs */
function rateOf<Batch>({ subject, options }: Run<Batch>, progress: number): number {
  return subject.rate?.() ?? options.learningRate(progress);
}

async function evaluate<Batch>({ task, options, subject }: Run<Batch>, epoch: number): Promise<number | undefined> {
  const due = epoch % (options.evaluateEvery ?? 1) === 0 || epoch === options.epochs;
  return due ? task.evaluate?.(subject.model) : undefined;
}

/** All batches of an epoch once. */
async function pass<Batch>(run: Run<Batch>, epoch: number): Promise<MeterReading & { steps: number }> {
  const { progressEvery = 50, onProgress } = run.options;
  const stream = run.task.epoch(epoch);
  const meter = new Meter();
  let step = 0;
  try {
    for await (const batch of stream) {
      const progress = epoch + step / stream.size;
      const rate = rateOf(run, progress);
      oneStep(run, batch, { progress, step }, rate, meter);
      step += 1;
      if (step % progressEvery !== 0 && step !== stream.size) continue;
      const reading = checked(await meter.read(), epoch, step);
      onProgress?.({ epoch: epoch + 1, step, steps: stream.size, rate, ...reading });
    }
    return { ...(await meter.read()), steps: step };
  } finally {
    meter.dispose();
  }
}

function oneStep<Batch>({ task, subject, step }: Run<Batch>, batch: Batch, at: Moment, rate: number, meter: Meter): void {
  let answers: { hits: tf.Scalar; count: number } | undefined;
  const loss = step(() => {
    const { loss: own, hits, count = 0 } = task.step(subject.model, batch, at);
    if (hits !== undefined) answers = { hits: tf.keep(hits), count };
    const extra = subject.extraLoss?.();
    return extra === undefined ? own : tf.add(own, extra);
  }, rate);
  meter.add(loss, answers);
  subject.step?.();
}

function checked(reading: MeterReading, epoch: number, step: number): MeterReading {
  if (!Number.isFinite(reading.loss)) throw diverged(reading.loss, epoch + 1, step);
  return reading;
}
