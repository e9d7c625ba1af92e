import { progress, ramp, type RampParams } from './polynomial.ts';

/** Parameters of {@link exponentialLevel}. */
export type ExponentialParams = RampParams;

/**
 * Level of an exponential schedule: the density 1 − level decays from 1 − init to 1 − target,
 *
 *     density = (1 − init)·exp(−k·e),   k = −ln((1 − target)/(1 − init))/T,   level = min(1 − density, target).
 *
 * From `targetEpoch` on it is exactly `target`. A target of 1 (k is infinite) is reached right after epoch 0, and an
 * `init` above the target gives the target at once.
 *
 * @param epoch number of completed epochs; fractions are steps within an epoch
 * @returns a share in [0, 1]
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function exponentialLevel(epoch: number, params: ExponentialParams = {}): number {
  const { init, target, targetEpoch } = ramp(params);
  const done = progress(epoch, targetEpoch);
  if (done === 1 || init >= target) return target;
  const density = (1 - init) * ((1 - target) / (1 - init)) ** done;
  return Math.min(1 - density, target);
}
