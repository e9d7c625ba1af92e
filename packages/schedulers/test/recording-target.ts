import type { SparsityTarget } from '@nncf/schedulers';

/** Writes down what a scheduler says. */
export class RecordingTarget implements SparsityTarget {
  readonly levels: number[] = [];
  readonly calls: ('level' | 'freeze')[] = [];
  /** Answer to the adaptive schedule. */
  sparsity = 0.3;

  get freezes(): number {
    return this.calls.filter((call) => call === 'freeze').length;
  }

  setLevel(level: number): void {
    this.levels.push(level);
    this.calls.push('level');
  }

  freeze(): void {
    this.calls.push('freeze');
  }

  reachedSparsity(): number {
    return this.sparsity;
  }
}
