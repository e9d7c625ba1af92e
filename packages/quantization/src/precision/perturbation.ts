import * as tf from '@tensorflow/tfjs-core';
import { estimateWeights, type WeightQuantizer } from '../initialize.ts';

/**
 * ‖Q(w) − w‖² of a weight for several bit widths, each with the range that the quantizer's estimator finds for that width. The quantizer is afterwards
 * as it was.
 *
 * @returns by width, in the order of the widths
 * @throws NncfError `RANGE_NOT_FINITE`
 */
export function perturbationsOf(weight: WeightQuantizer, widths: readonly number[]): ReadonlyMap<number, number> {
  const { quantizer } = weight;
  const restore = remember(weight);
  try {
    quantizer.enabled = true;
    return new Map(
      widths.map((width) => {
        quantizer.setBits(width);
        estimateWeights([weight]);
        return [width, weight.variables.reduce((sum, variable) => sum + roundingError(weight, variable), 0)];
      }),
    );
  } finally {
    restore();
  }
}

function roundingError({ quantizer }: WeightQuantizer, variable: tf.Tensor): number {
  return tf.tidy(() => tf.sum(tf.squaredDifference(quantizer.apply(variable), variable)).dataSync()[0] ?? 0);
}

/** Gives a quantizer back its parameters and its state. */
function remember({ quantizer }: WeightQuantizer): () => void {
  const { enabled, parameters } = quantizer;
  const state = quantizer.state();
  const values = parameters.map((parameter) => tf.clone(parameter));
  return () => {
    parameters.forEach((parameter, i) => parameter.assign(values[i]!));
    tf.dispose(values);
    quantizer.loadState(state);
    quantizer.enabled = enabled;
  };
}
