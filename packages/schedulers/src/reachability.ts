import { curveTarget, scheduleLevel, type SparsitySchedule } from './sparsity-schedule.ts';

/** Levels this close count as equal. */
const ROUNDING = 1e-9;

/**
 * Says why a schedule cannot bring its model to the target: the masks freeze before, or training ends before an epoch
 * at the target was trained.
 *
 * @param plannedEpochs epochs of the whole training, where known
 * @returns a sentence for the user, or undefined when the target is within reach
 */
export function unreachableTarget(schedule: SparsitySchedule, plannedEpochs?: number): string | undefined {
  const { curve, timing } = schedule;
  const target = curveTarget(curve);
  const falls = (epoch: number): number | undefined => {
    const level = scheduleLevel(schedule, epoch);
    return level < target - ROUNDING ? level : undefined;
  };
  const frozenAt = falls(timing.freezeEpoch);
  if (frozenAt !== undefined)
    return `The mask freezes at epoch ${timing.freezeEpoch} with a level of ${show(frozenAt)}; the target ${show(target)} is never reached.`;
  const endsAt = plannedEpochs === undefined ? undefined : falls(lastTrained(schedule, plannedEpochs));
  if (endsAt === undefined) return undefined;
  return `After ${plannedEpochs} planned epochs the level is ${show(endsAt)}; the target ${show(target)} is never trained.`;
}

/** The last point of the schedule that batches are trained at: the start of the last epoch, or its last step. */
function lastTrained({ timing }: SparsitySchedule, plannedEpochs: number): number {
  const withinEpoch = timing.updatePerOptimizerStep && timing.stepsPerEpoch !== undefined ? 1 - 1 / timing.stepsPerEpoch : 0;
  return Math.max(plannedEpochs - 1 + withinEpoch, 0);
}

function show(level: number): string {
  return String(Number(level.toFixed(4)));
}
