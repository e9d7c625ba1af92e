/** Shapes of a learning rate's way. */
export const LEARNING_RATE_SCHEDULES = ['constant', 'cosine', 'linear', 'multistep', 'step', 'exponential', 'poly'] as const;

/** How the learning rate goes along a training run. */
export interface LearningRateOptions {
  /** Rate that the schedule starts from, after the warm-up. */
  readonly base: number;
  /**
   * `cosine` falls to zero along half a cosine, `linear` along a line, `poly` along (1 − progress)^power, `multistep` by `gamma` at every milestone,
   * `step` by `gamma` every so many epochs, `exponential` by `gamma` in every epoch. @default 'cosine'
   */
  readonly schedule?: (typeof LEARNING_RATE_SCHEDULES)[number];
  /** Length of the run in epochs. */
  readonly epochs: number;
  /** Epochs at the start in which the rate grows from zero to `base` along a line (Goyal et al. 2017). @default 0 */
  readonly warmup?: number;
  /** Epochs at which `multistep` multiplies by `gamma`. @default half and three quarters of the run */
  readonly milestones?: readonly number[];
  /** Epochs between two falls of `step`. @default 30 */
  readonly every?: number;
  /** @default 0.1 */
  readonly gamma?: number;
  /** Exponent of `poly`. @default 0.9 */
  readonly power?: number;
  /** Rate at the end of `cosine`, `linear` and `poly`, as a share of `base`. @default 0 */
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
  const { epochs, warmup = 0, final = 0, gamma = 0.1, power = 0.9, every = 30, milestones = [epochs / 2, (3 * epochs) / 4] } = options;
  const left = (epoch: number): number => 1 - Math.min(1, (epoch - warmup) / Math.max(epochs - warmup, 1e-9));
  const falling = (share: (left: number) => number) => (epoch: number) => final + (1 - final) * share(left(epoch));
  switch (options.schedule ?? 'cosine') {
    case 'constant':
      return () => 1;
    case 'linear':
      return falling((part) => part);
    case 'poly':
      return falling((part) => part ** power);
    case 'cosine':
      return falling((part) => (1 - Math.cos(Math.PI * part)) / 2);
    case 'multistep':
      return (epoch) => gamma ** milestones.filter((milestone) => milestone <= epoch).length;
    case 'step':
      return (epoch) => gamma ** Math.floor(epoch / every);
    case 'exponential':
      return (epoch) => gamma ** Math.floor(epoch);
  }
}
