import { scheduleInvalid } from './errors.ts';

/** @returns the number of completed epochs: as told, or one more than before. @throws NncfError `SCHEDULE_INVALID` */
export function nextEpoch(previous: number, completed: number | undefined): number {
  if (completed === undefined) return previous + 1;
  if (!Number.isInteger(completed) || completed < 0) throw scheduleInvalid(`${completed} is no number of completed epochs.`);
  return completed;
}
