import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** Gives every weight a random value: batch norms factors of both signs, and variances above zero. */
export function randomizeWeights(model: LayersModel): void {
  for (const weight of model.weights) {
    const isVariance = /moving_variance/.test(weight.originalName);
    const shape = weight.shape as number[];
    const fanIn = shape.slice(0, -1).reduce((n, size) => n * size, 1);
    const value = isVariance ? tf.randomUniform(shape, 0.5, 2) : tf.randomNormal(shape, 0, shape.length > 1 ? fanIn ** -0.5 : 0.7);
    weight.write(value);
  }
}

/** Random inputs of a model. */
export function randomInputs(model: LayersModel, batch: number): Tensor[] {
  return model.inputs.map(({ shape }) => tf.randomNormal([batch, ...shape.slice(1).map((size) => size ?? 1)]));
}
