import { checkLevels, checkNotNegative } from './checks.ts';

/** A level that moves from `init` to `target` and stays there. */
export interface RampParams {
  /** Level at epoch 0, a share in [0, 1]. @default 0 */
  readonly init?: number | undefined;
  /** Level from `targetEpoch` on, a share in [0, 1]. @default 0.5 */
  readonly target?: number | undefined;
  /** First epoch at the target, 0 or more. @default 90 */
  readonly targetEpoch?: number | undefined;
}

/** Parameters of {@link polynomialLevel}. */
export interface PolynomialParams extends RampParams {
  /** Exponent, 0 or more. @default 0.9 */
  readonly power?: number | undefined;
  /** Bend the other way: the remaining distance is a power, not the distance covered. @default false */
  readonly concave?: boolean | undefined;
}

/** A ramp with its defaults filled in. */
export type Ramp = { readonly [Key in keyof RampParams]-?: number };

/** Fills in the defaults and checks the figures. @throws NncfError `SCHEDULE_INVALID` */
export function ramp(params: RampParams): Ramp {
  const { init = 0, target = 0.5, targetEpoch = 90 } = params;
  checkLevels({ init, target });
  checkNotNegative({ targetEpoch });
  return { init, target, targetEpoch };
}

/** min(e/T, 1), never negative; 1 where T is 0. */
export function progress(epoch: number, targetEpoch: number): number {
  return targetEpoch === 0 ? 1 : Math.min(Math.max(epoch / targetEpoch, 0), 1);
}

/**
 * Level of a polynomial schedule, with p = min(e/T, 1):
 *
 *     init + (target − init)·p^power          or, concave,          target − (target − init)·(1 − p)^power
 *
 * From `targetEpoch` on it is exactly `target`. The cubic form is concave with power 3 (Zhu and Gupta, arXiv 1710.01878).
 *
 * @param epoch number of completed epochs; fractions are steps within an epoch
 * @returns a share in [0, 1]
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function polynomialLevel(epoch: number, params: PolynomialParams = {}): number {
  const { init, target, targetEpoch } = ramp(params);
  const { power = 0.9, concave = false } = params;
  checkNotNegative({ power });
  const done = progress(epoch, targetEpoch);
  if (done === 1) return target;
  return concave ? target - (target - init) * (1 - done) ** power : init + (target - init) * done ** power;
}
