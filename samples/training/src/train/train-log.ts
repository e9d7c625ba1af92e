import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwritable } from '../errors.ts';

/** One epoch in the log. */
export interface EpochRecord {
  readonly epoch: number;
  /** Steps in it. */
  readonly steps: number;
  readonly loss: number;
  /** Share of right answers while training, augmented data, 0 … 1; undefined for a task that does not count them. */
  readonly trainAccuracy: number | undefined;
  /** Learning rate at the end of the epoch. */
  readonly rate: number;
  /** On the test data, 0 … 1; undefined in epochs without evaluation. */
  readonly score?: number | undefined;
  readonly seconds: number;
  /** Of the compression; for people, not in the file. */
  readonly note?: string | undefined;
}

const HEADER = 'epoch,loss,trainAccuracy,rate,score,seconds\n';

/** Appends epochs to `log.csv` in a folder, which is made. */
export interface TrainLog {
  write(record: EpochRecord): Promise<void>;
}

/**
 * Opens the log of a run.
 * @param resume keep what is in the file
 * @throws NncfError `FILE_UNWRITABLE`
 */
export async function openTrainLog(dir: string, resume: boolean): Promise<TrainLog> {
  const file = join(dir, 'log.csv');
  await guarded(file, async () => {
    await mkdir(dir, { recursive: true });
    if (resume) await appendFile(file, '');
    else await writeFile(file, HEADER);
  });
  return { write: (record) => guarded(file, () => appendFile(file, row(record))) };
}

function row({ epoch, loss, trainAccuracy, rate, score, seconds }: EpochRecord): string {
  return `${[epoch, loss.toFixed(5), trainAccuracy?.toFixed(5) ?? '', rate.toPrecision(5), score?.toFixed(5) ?? '', seconds.toFixed(1)].join(',')}\n`;
}

async function guarded(file: string, write: () => Promise<void>): Promise<void> {
  await write().catch((cause: unknown) => {
    throw unwritable(file, cause);
  });
}
