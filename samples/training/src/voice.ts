import type { ReportProgress } from './progress.ts';

/** Where a run speaks. */
export interface Voice {
  readonly say: (line: string) => void;
  readonly progress: ReportProgress;
}
