import { progress, ramp, type RampParams } from './polynomial.ts';

/** Share of the epochs after which three quarters of the target are reached. */
const EARLY_SHARE = 1 / 8;
const EARLY_LEVEL = 3 / 4;

/**
 * y = exp(k·T/8) of the curve below with init 0: the root above 1 of y/3 + y^−7 = 4/3, which the two conditions leave.
 * Newton's method from 4.
 */
const GROWTH: number = (() => {
  let y = 4;
  for (let i = 0; i < 8; i++) y -= (y / 3 + y ** -7 - 4 / 3) / (1 / 3 - 7 * y ** -8);
  return y;
})();

/**
 * Level of an exponential schedule with a bias: a·exp(−k·e) + b that begins at `init`, is at three quarters of the target after an
 * eighth of the epochs, and with init 0 ends at the target. Quick at first, slow later. Never above `target`, and exactly
 * that from `targetEpoch` on.
 *
 * @param epoch number of completed epochs; fractions are steps within an epoch
 * @returns a share in [0, 1]
 * @throws NncfError `SCHEDULE_INVALID`
 */
export function biasedExponentialLevel(epoch: number, params: RampParams = {}): number {
  const { init, target, targetEpoch } = ramp(params);
  const done = progress(epoch, targetEpoch);
  if (done === 1 || init >= target) return target;
  const a = (EARLY_LEVEL * target - init) / (1 / GROWTH - 1);
  return Math.min(init + a * (GROWTH ** (-done / EARLY_SHARE) - 1), target);
}
