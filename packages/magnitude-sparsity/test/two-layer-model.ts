import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { conv1, conv2 } from './two-convolutions.ts';

/** The two convolutions of `two-convolutions.ts` one after the other, on images of 10×10×1; 26 weights, 3 biases. */
export function twoLayerModel(): tfl.LayersModel {
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({ filters: 2, kernelSize: 2, inputShape: [10, 10, 1], name: 'conv1' }),
      tfl.layers.conv2d({ filters: 1, kernelSize: 3, name: 'conv2' }),
    ],
  });
  tf.tidy(() => model.setWeights([conv1(), tf.tensor1d([1, 0]), conv2(), tf.tensor1d([2])]));
  return model;
}
