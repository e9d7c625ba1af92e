import * as tf from '@tensorflow/tfjs-core';
import { models, type LayersModel } from '@tensorflow/tfjs-layers';

/**
 * A copy of a model with weights of its own, as they are now, that training leaves alone: the teacher of the model itself. Made before compression is
 * inserted or while it is, it is always the model that its author wrote, in floating point. Layers of your own must be registered with
 * `tf.serialization.registerClass`.
 *
 * @returns to be disposed of by the caller
 */
export async function frozenCopy(model: LayersModel): Promise<LayersModel> {
  const topology: unknown = model.toJSON(undefined, false);
  const copy = await models.modelFromJSON(topology as Parameters<typeof models.modelFromJSON>[0]);
  // The weights themselves, not what a compression makes of them.
  tf.tidy(() => copy.setWeights(model.weights.map((weight) => weight.read())));
  copy.trainable = false;
  for (const weight of copy.weights) (weight.read() as tf.Variable).trainable = false;
  return copy;
}
