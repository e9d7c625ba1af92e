import type { CompressionScheduler } from '../algorithm/scheduler.ts';

/** What `model.fit` takes as a callback, without depending on a copy of tfjs-layers: it stands beside callbacks of tfjs. */
export interface CompressionCallback {
  setParams(params: unknown): void;
  setModel(model: unknown): void;
  onTrainBegin(logs?: unknown): Promise<void>;
  onTrainEnd(logs?: unknown): Promise<void>;
  onEpochBegin(epoch: number, logs?: unknown): Promise<void>;
  onEpochEnd(epoch: number, logs?: unknown): Promise<void>;
  onBatchBegin(batch: number, logs?: unknown): Promise<void>;
  onBatchEnd(batch: number, logs?: unknown): Promise<void>;
}

/**
 * Moves the schedules along while `model.fit` or `fitDataset` runs. In a list with callbacks of tfjs put those first: tfjs
 * takes the first for the kind of all.
 */
export function schedulerCallback(scheduler: CompressionScheduler): CompressionCallback {
  const nothing = async (): Promise<void> => undefined;
  return {
    setParams: () => undefined,
    setModel: () => undefined,
    onTrainBegin: nothing,
    onTrainEnd: nothing,
    onEpochBegin: nothing,
    onEpochEnd: async () => scheduler.epochStep(),
    onBatchBegin: nothing,
    onBatchEnd: async () => scheduler.step(),
  };
}
