import type { CompressionScheduler } from '../algorithm/scheduler.ts';

/** What `model.fit` takes as a callback, without depending on a copy of tfjs-layers. */
export interface CompressionCallback {
  onBatchEnd(batch: number, logs?: unknown): Promise<void>;
  onEpochEnd(epoch: number, logs?: unknown): Promise<void>;
}

/** Moves the schedules along while `model.fit` or `fitDataset` runs. */
export function schedulerCallback(scheduler: CompressionScheduler): CompressionCallback {
  return {
    onBatchEnd: async () => scheduler.step(),
    onEpochEnd: async () => scheduler.epochStep(),
  };
}
