/** How the learning rate goes along a training run. */
export interface LearningRateOptions {
  /** Rate that the schedule starts from, after the warm-up. */
  readonly base: number;
  /** `cosine` falls to zero along half a cosine, `linear` along a line, `multistep` by `gamma` at every milestone. @default 'cosine' */
  readonly schedule?: 'constant' | 'cosine' | 'linear' | 'multistep';
  /** Length of the run in epochs. */
  readonly epochs: number;
  /** Epochs at the start in which the rate grows from zero to `base` along a line (Goyal et al. 2017). @default 0 */
  readonly warmup?: number;
  /** Epochs at which `multistep` multiplies by `gamma`. @default half and three quarters of the run */
  readonly milestones?: readonly number[];
  /** @default 0.1 */
  readonly gamma?: number;
  /** Rate at the end of `cosine` and `linear`, as a share of `base`. @default 0 */
  readonly final?: number;
}

/** Learning rate at a time in epochs; 1.5 is the middle of the second one. */
export type LearningRate = (epoch: number) => number;

/** Builds the schedule of a training run. Cosine: Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts. */
export function learningRateSchedule(options: LearningRateOptions): LearningRate {
  const { base, warmup = 0 } = options;
  const decay = decayOf(options);
  return (epoch) => (epoch < warmup ? (base * epoch) / warmup : base * decay(epoch));
}

/** Factor on the base rate after the warm-up. */
function decayOf(options: LearningRateOptions): (epoch: number) => number {
  const { epochs, warmup = 0, final = 0, gamma = 0.1, milestones = [epochs / 2, (3 * epochs) / 4] } = options;
  const progress = (epoch: number): number => Math.min(1, (epoch - warmup) / Math.max(epochs - warmup, 1e-9));
  switch (options.schedule ?? 'cosine') {
    case 'constant':
      return () => 1;
    case 'linear':
      return (epoch) => final + (1 - final) * (1 - progress(epoch));
    case 'cosine':
      return (epoch) => final + ((1 - final) * (1 + Math.cos(Math.PI * progress(epoch)))) / 2;
    case 'multistep':
      return (epoch) => gamma ** milestones.filter((milestone) => milestone <= epoch).length;
  }
}
