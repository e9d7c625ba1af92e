import * as tf from '@tensorflow/tfjs-core';
import { layersInvalid, levelInvalid } from './errors.ts';
import { sigmoidSlope } from './sigmoid-slope.ts';

/** A difference in density of this much costs 1. */
const SCALE = 0.05;

/** Logits of one layer or of several. */
export type Logits = tf.Tensor | readonly tf.Tensor[];

/**
 * Loss that draws the density of all layers together to 1 − level:
 *
 *     L = ((Σ[s > 0]/N − (1 − level))/0.05)²,   dL/ds = 2/0.05²·(density − (1 − level))/N·σ'(s)
 *
 * The gates are those of evaluation, without noise; their gradient is straight-through. The paper has the mean of σ(s) in
 * place of the density and no factor (arXiv 2002.08679, 3.3); this is the loss of NNCF's code, with which its regularization
 * keeps its strength.
 *
 * @param logits of every gated layer
 * @param level share of weights to become zero, in [0, 1]
 * @returns a scalar, at least 0
 * @throws NncfError `SPARSITY_LEVEL_INVALID`, `LAYERS_INVALID`
 */
export function rbLoss(logits: Logits, level: number): tf.Scalar {
  const layers = asLayers(logits);
  checkLevel(level);
  return tf.tidy(() => {
    const flat = layers.map((layer) => tf.reshape<tf.Rank.R1>(layer, [-1]));
    return densityLoss(flat.length === 1 ? (flat[0] as tf.Tensor1D) : tf.concat1d(flat), 1 - level);
  });
}

/**
 * Loss that draws the density of each layer to its own target:
 *
 *     L = (Σ_l |density_l − (1 − level_l)|/0.05)²
 *
 * with straight-through gradients as in {@link rbLoss}, and none for a layer that is at its target.
 *
 * @param levels one for each layer
 * @throws NncfError `SPARSITY_LEVEL_INVALID`, `LAYERS_INVALID`
 */
export function rbLocalLoss(logits: Logits, levels: readonly number[]): tf.Scalar {
  const layers = asLayers(logits);
  if (levels.length !== layers.length) throw layersInvalid(`${levels.length} levels do not fit ${layers.length} layers.`);
  levels.forEach(checkLevel);
  return tf.tidy(() => {
    const misses = layers.map((layer, index) => distance(excess(layer, 1 - (levels[index] as number))));
    return tf.square(tf.div(tf.addN(misses), SCALE)) as tf.Scalar;
  });
}

function asLayers(logits: Logits): readonly tf.Tensor[] {
  const layers = 'dataSync' in logits ? [logits] : logits;
  if (layers.length === 0 || layers.some(({ size }) => size === 0)) throw layersInvalid('A sparsity loss needs logits.');
  return layers;
}

function checkLevel(level: number): void {
  if (!(level >= 0 && level <= 1)) throw levelInvalid(level);
}

function densityLoss(logits: tf.Tensor, target: number): tf.Scalar {
  return tf.square(tf.div(excess(logits, target), SCALE));
}

/** |x| with a gradient of 0 at 0; that of tf.abs is −1 there. */
function distance(x: tf.Scalar): tf.Scalar {
  return tf.mul(x, tf.sign(x));
}

/** Share of open gates less the target; the gradient of a gate is σ'(s). Counted in integers, which stay exact past 2^24. */
function excess(logits: tf.Tensor, target: number): tf.Scalar {
  const operation = tf.customGrad((s, save) => {
    const layer = s as tf.Tensor;
    (save as tf.GradSaveFunc)([layer]);
    const open = tf.cast(tf.sum(tf.greater(layer, 0)), 'float32');
    return {
      value: tf.sub(tf.div(open, layer.size), target),
      gradFunc: (upstream: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(tf.div(upstream, layer.size), sigmoidSlope(saved as tf.Tensor)),
    };
  });
  return operation(logits) as tf.Scalar;
}
