import { join } from 'node:path';
import { saveWeights } from '@nncf/zoo';
import type { ProgressBar } from '../progress.ts';
import { percent } from '../report.ts';
import type { TrainingSettings } from '../settings/settings.ts';
import type { Voice } from '../voice.ts';
import { learningRateSchedule } from './learning-rate.ts';
import type { Subject } from './subject.ts';
import type { Task } from './task.ts';
import { train, type TrainResult } from './train.ts';
import { openTrainLog, type EpochRecord } from './train-log.ts';

/** The checkpoint that a run goes on from: the given one, or that in its log folder. */
export function checkpointOf(settings: Pick<TrainingSettings, 'logDir' | 'resume'>): string {
  return typeof settings.resume === 'string' ? settings.resume : ownCheckpoint(settings);
}

function ownCheckpoint({ logDir }: Pick<TrainingSettings, 'logDir'>): string {
  return join(logDir, 'checkpoint.safetensors');
}

/**
 * Trains as the settings say. The log folder receives `log.csv`, `checkpoint.safetensors`, `stage-<n>.safetensors` at the end of each stage of
 * binarization, and the weights of the best and the last epoch in half precision.
 *
 * @param metadata goes into the files of weights
 */
export async function trainRun<Batch>(
  subject: Subject,
  task: Task<Batch>,
  settings: TrainingSettings,
  { progress, say }: Voice,
  metadata: Readonly<Record<string, string>> = {},
): Promise<TrainResult> {
  const { epochs, logDir, evaluateEvery, optimizer } = settings;
  const log = await openTrainLog(logDir, settings.resume !== undefined);
  const weights = (name: string, score: number): Promise<void> =>
    saveWeights(subject.model, join(logDir, name), { dtype: 'F16', metadata: { ...metadata, ...notes(settings, score) } });
  let bar: ProgressBar | undefined;
  const onEpoch = async (record: EpochRecord, best: boolean): Promise<void> => {
    bar?.stop();
    bar = undefined;
    say(epochLine(record, epochs));
    await log.write(record);
    if (best) await weights('best.safetensors', record.score ?? 0);
  };
  const result = await train(subject, task, {
    epochs,
    evaluateEvery,
    optimizer,
    learningRate: learningRateSchedule(settings.learningRate),
    checkpoint: ownCheckpoint(settings),
    stageCheckpoint: (stage) => join(logDir, `stage-${stage}.safetensors`),
    resume: settings.resume === undefined ? false : checkpointOf(settings),
    onProgress: ({ epoch, step, steps, ...figures }) => {
      bar ??= progress(`epoch ${epoch}/${epochs}`);
      bar.update(step, steps, figures);
    },
    onEpoch,
  });
  await weights('final.safetensors', result.final);
  return result;
}

function epochLine({ epoch, loss, trainAccuracy, score, seconds, note }: EpochRecord, epochs: number): string {
  const parts = [
    `loss ${loss.toFixed(4)}`,
    trainAccuracy === undefined ? '' : `train ${percent(trainAccuracy)}`,
    score === undefined ? '' : `test ${percent(score)}`,
    `${seconds.toFixed(0)} s`,
  ];
  return `epoch ${epoch}/${epochs}: ${parts.filter((part) => part !== '').join(', ')}${note === undefined ? '' : `; ${note}`}`;
}

function notes({ seed, epochs }: TrainingSettings, score: number): Record<string, string> {
  return { seed: String(seed), epochs: String(epochs), score: score.toFixed(4) };
}
