import * as tf from '@tensorflow/tfjs-core';
import { shapeMismatch } from './errors.ts';
import { logisticNoiseTensor } from './noise.ts';
import { sigmoidSlope } from './sigmoid-slope.ts';

/** Logit of a gate at the start: open with probability 0.99. */
export const INITIAL_LOGIT: number = Math.log(0.99 / 0.01);

/** Options of {@link applyRbMask}. */
export interface RbMaskOptions {
  /** Draw the gates; else a gate is open where its logit is above 0. @default false */
  readonly training?: boolean | undefined;
  /** Integer that decides the draw: a new one for every step, the same one within a step. @default a random one */
  readonly seed?: number | undefined;
  /** The gates are settled: no draw, also in training, and a gradient of 0 for the logits. @default false */
  readonly frozen?: boolean | undefined;
}

/**
 * Gates a weight by its logits s (Louizos et al., arXiv 1712.01312, with hard gates and the straight-through estimator):
 *
 *     z = [σ(s + logit u) > ½], u ~ U(0, 1) in training;   z = [σ(s) > ½] else;   y = w·z
 *     dL/dw = g·z,   dL/ds = g·w·σ'(s + logit u)
 *
 * At s = 0, without noise, the gate is shut.
 *
 * @param weight any shape
 * @param logits the same shape
 * @returns the weight's shape
 * @throws NncfError `SHAPE_MISMATCH`
 */
export function applyRbMask<T extends tf.Tensor>(weight: T, logits: tf.Tensor, options: RbMaskOptions = {}): T {
  const { training = false, seed = randomSeed(), frozen = false } = options;
  if (!tf.util.arraysEqual(weight.shape, logits.shape)) throw shapeMismatch(weight.shape, logits.shape);
  return tf.tidy(() => {
    if (frozen) return applySettledMask(weight, logits, openGates(logits));
    return training ? gated(weight, logits, logisticNoiseTensor(logits.shape, seed)) : gated(weight, logits);
  });
}

/** 1 where a gate without noise is open, else 0; float32. */
export function openGates(logits: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.cast(tf.greater(logits, 0), 'float32'));
}

/**
 * w·mask with a gradient of 0 for the logits: they stay among an optimizer's variables, whose slots go by position.
 *
 * @param mask 1 where a gate was open when it froze, else 0
 */
export function applySettledMask<T extends tf.Tensor>(weight: T, logits: tf.Tensor, mask: tf.Tensor): T {
  const operation = tf.customGrad((w, s, save) => {
    (save as tf.GradSaveFunc)([mask, s as tf.Tensor]);
    return {
      value: tf.mul(w as tf.Tensor, mask),
      gradFunc: (upstream: tf.Tensor, saved: tf.Tensor[]) => settledGradients(upstream, saved),
    };
  });
  return operation(weight, logits) as T;
}

function settledGradients(upstream: tf.Tensor, [mask, logits]: readonly tf.Tensor[]): [dWeight: tf.Tensor, dLogits: tf.Tensor] {
  return [tf.mul(upstream, mask as tf.Tensor), tf.zerosLike(logits as tf.Tensor)];
}

/** w·[s + noise > 0]; σ is above ½ where its argument is above 0. */
function gated<T extends tf.Tensor>(weight: T, logits: tf.Tensor, noise?: tf.Tensor): T {
  const operation = tf.customGrad((w, s, save) => {
    const [value, shifted, open] = forward(w as tf.Tensor, s as tf.Tensor, noise);
    (save as tf.GradSaveFunc)([w as tf.Tensor, shifted, open]);
    return { value, gradFunc: (upstream: tf.Tensor, saved: tf.Tensor[]) => backward(upstream, saved as Saved) };
  });
  return operation(weight, logits) as T;
}

/** What the backward pass needs. */
type Saved = [weight: tf.Tensor, shifted: tf.Tensor, open: tf.Tensor];

function forward(
  weight: tf.Tensor,
  logits: tf.Tensor,
  noise: tf.Tensor | undefined,
): [value: tf.Tensor, shifted: tf.Tensor, open: tf.Tensor] {
  const shifted = noise === undefined ? logits : tf.add(logits, noise);
  const open = openGates(shifted);
  return [tf.mul(weight, open), shifted, open];
}

function backward(upstream: tf.Tensor, [weight, shifted, open]: Saved): [dWeight: tf.Tensor, dLogits: tf.Tensor] {
  return [tf.mul(upstream, open), tf.mul(tf.mul(upstream, weight), sigmoidSlope(shifted))];
}

function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
