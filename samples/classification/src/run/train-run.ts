import { join } from 'node:path';
import type { Distillation } from '@nncf/distillation';
import { saveWeights } from '@nncf/zoo';
import { learningRateSchedule } from '../train/learning-rate.ts';
import type { Subject } from '../train/subject.ts';
import { train, type TrainResult } from '../train/train.ts';
import { openTrainLog, type EpochRecord } from '../train/train-log.ts';
import type { ProgressBar, ReportProgress } from '../progress.ts';
import type { Settings } from '../settings/settings.ts';
import type { Data } from './data.ts';
import { percent } from './report.ts';

/** The checkpoint that a run goes on from: the given one, or that in its log folder. */
export function checkpointOf(settings: Pick<Settings, 'logDir' | 'resume'>): string {
  return typeof settings.resume === 'string' ? settings.resume : ownCheckpoint(settings);
}

function ownCheckpoint({ logDir }: Pick<Settings, 'logDir'>): string {
  return join(logDir, 'checkpoint.safetensors');
}

/** What a training run is given besides settings. */
export interface TrainRunOptions {
  readonly progress: ReportProgress;
  readonly say: (line: string) => void;
  readonly distillation?: Distillation | undefined;
}

/**
 * Trains as the settings say. The log folder receives `log.csv`, `checkpoint.safetensors`, `stage-<n>.safetensors` at the end of each stage of
 * binarization, and the weights of the best and the last epoch in half precision.
 */
export async function trainRun(
  subject: Subject,
  data: Data,
  settings: Settings,
  { progress, say, distillation }: TrainRunOptions,
): Promise<TrainResult> {
  const log = await openTrainLog(settings.logDir, settings.resume !== undefined);
  const weights = (name: string, top1: number): Promise<void> =>
    saveWeights(subject.model, join(settings.logDir, name), { dtype: 'F16', metadata: notes(settings, top1) });
  let bar: ProgressBar | undefined;
  const onEpoch = async (record: EpochRecord, best: boolean): Promise<void> => {
    bar?.stop();
    bar = undefined;
    say(epochLine(record, settings.epochs));
    await log.write(record);
    if (best) await weights('best.safetensors', record.top1 ?? 0);
  };
  const { epochs, batchSize, seed, labelSmoothing, evaluateEvery, optimizer, window } = settings;
  const result = await train(subject, {
    train: data.train,
    test: data.test,
    epochs,
    batchSize,
    seed,
    labelSmoothing,
    evaluateEvery,
    optimizer,
    window,
    augment: settings.augment ?? data.augment,
    learningRate: learningRateSchedule(settings.learningRate),
    distillation,
    checkpoint: ownCheckpoint(settings),
    stageCheckpoint: (stage) => join(settings.logDir, `stage-${stage}.safetensors`),
    resume: settings.resume === undefined ? false : checkpointOf(settings),
    onProgress: ({ epoch, step, steps, ...figures }) => {
      bar ??= progress(`epoch ${epoch}/${settings.epochs}`);
      bar.update(step, steps, figures);
    },
    onEpoch,
  });
  await weights('final.safetensors', result.final);
  return result;
}

function epochLine({ epoch, loss, trainAccuracy, top1, seconds, note }: EpochRecord, epochs: number): string {
  const test = top1 === undefined ? '' : `, test ${percent(top1)}`;
  return `epoch ${epoch}/${epochs}: loss ${loss.toFixed(4)}, train ${percent(trainAccuracy)}${test}, ${seconds.toFixed(0)} s${note === undefined ? '' : `; ${note}`}`;
}

function notes({ model, width, dataset, seed, epochs }: Settings, top1: number): Record<string, string> {
  return { architecture: model, width: String(width), dataset, seed: String(seed), epochs: String(epochs), top1: top1.toFixed(4) };
}
