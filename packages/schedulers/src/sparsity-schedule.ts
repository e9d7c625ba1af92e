import { createAdaptiveSchedule, type AdaptiveParams } from './adaptive.ts';
import { biasedExponentialLevel } from './biased-exponential.ts';
import { exponentialLevel } from './exponential.ts';
import { multistep, multistepLevel, type Multistep } from './multistep.ts';
import { polynomialLevel, ramp, type PolynomialParams, type Ramp } from './polynomial.ts';

/** When a sparsity schedule is updated and when it ends. */
export interface ScheduleTiming {
  /** Epoch from which level and mask stay as they are. */
  readonly freezeEpoch: number;
  /** Follow the ramp within an epoch. Steps and adaptive levels change between epochs all the same. */
  readonly updatePerOptimizerStep: boolean;
  /** Optimizer steps of an epoch; counted in the first epoch when left out. */
  readonly stepsPerEpoch?: number | undefined;
  /** Epoch at which the curve begins; before it the level is the first one. @default 0 */
  readonly startEpoch?: number | undefined;
}

/** How a level moves, with every default filled in. */
export type LevelCurve =
  | ({ readonly kind: 'polynomial' } & Ramp & Required<Pick<PolynomialParams, 'power' | 'concave'>>)
  | ({ readonly kind: 'exponential' } & Ramp)
  | ({ readonly kind: 'exponential_with_bias' } & Ramp)
  | ({ readonly kind: 'multistep' } & Multistep)
  | ({ readonly kind: 'adaptive' } & { readonly [Key in keyof AdaptiveParams]-?: number });

/** A whole sparsity schedule. */
export interface SparsitySchedule {
  readonly curve: LevelCurve;
  readonly timing: ScheduleTiming;
}

/**
 * Level of a curve at an epoch. For the adaptive one, whose level depends on the model, it is the highest possible: the
 * model has reached every level at once.
 *
 * @param epoch number of completed epochs; fractions are steps within an epoch
 */
export function curveLevel(curve: LevelCurve, epoch: number): number {
  switch (curve.kind) {
    case 'polynomial':
      return polynomialLevel(epoch, curve);
    case 'exponential':
      return exponentialLevel(epoch, curve);
    case 'exponential_with_bias':
      return biasedExponentialLevel(epoch, curve);
    case 'multistep':
      return multistepLevel(epoch, curve);
    case 'adaptive':
      return Math.min(curve.init + curve.step * Math.floor(epoch / curve.patience), curve.target);
  }
}

/** Level of a whole schedule: the curve begins at the start epoch and is held from the freeze epoch on. */
export function scheduleLevel({ curve, timing }: SparsitySchedule, epoch: number): number {
  return curveLevel(curve, Math.max(Math.min(epoch, timing.freezeEpoch) - (timing.startEpoch ?? 0), 0));
}

/** Level at which a curve ends. */
export function curveTarget(curve: LevelCurve): number {
  return curve.kind === 'multistep' ? (curve.levels.at(-1) as number) : curve.target;
}

/** Checks the figures of a curve. @throws NncfError `SCHEDULE_INVALID` */
export function checkCurve(curve: LevelCurve): void {
  if (curve.kind === 'multistep') multistep(curve);
  else if (curve.kind === 'adaptive') createAdaptiveSchedule(curve);
  else ramp(curve);
}
