/** Training dilated convolution layers, which TensorFlow.js alone refuses. */
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { disableTrainingKernels, enableTrainingKernels } from '../src/training-kernels.ts';
import { expectClose, loadBackends, noise, outputAndGradients, type Operation } from './helpers.ts';

const loaded = await loadBackends();

function layerOf(activation: 'linear' | 'relu', kernel: tf.Tensor, bias: tf.Tensor): layers.Layer {
  const layer = layers.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, padding: 'same', activation, inputShape: [7, 6, 2] });
  sequential({ layers: [layer] });
  layer.setWeights([kernel, bias]);
  return layer;
}

describe.each(loaded)('dilated convolution layers on %s', (backend) => {
  beforeEach(async () => {
    await tf.setBackend(backend);
    enableTrainingKernels();
  });
  afterEach(disableTrainingKernels);

  it.each(['linear', 'relu'] as const)('have the gradients of the plain convolution, %s', async (activation) => {
    const inputs = [noise([2, 7, 6, 2], 1), noise([3, 3, 2, 4], 2), noise([4], 3)];
    const byOperations: Operation = (x, kernel, bias) => {
      const y = tf.add(tf.conv2d(x as tf.Tensor4D, kernel as tf.Tensor4D, 1, 'same', 'NHWC', 2), bias!);
      return activation === 'relu' ? tf.relu(y) : y;
    };
    const expected = await outputAndGradients('cpu', byOperations, inputs);
    await tf.setBackend(backend);
    const [x, kernel, bias] = inputs.map(({ shape, values }) => tf.tensor(values, shape));
    const layer = layerOf(activation, kernel!, bias!);
    const weights = noise([2, 7, 6, 4], 99);
    const upstream = tf.tensor(weights.values, weights.shape);
    const { grads } = tf.variableGrads(() => tf.sum(tf.mul(layer.apply(x!) as tf.Tensor, upstream)));
    const [dKernel, dBias] = Object.values(grads).toSorted((a, b) => b.rank - a.rank);
    const plain = [layer.apply(x!) as tf.Tensor, dKernel!, dBias!].map((tensor) => ({
      shape: tensor.shape,
      values: [...tensor.dataSync()],
    }));
    expectClose(plain, [expected[0]!, expected[2]!, expected[3]!], 2e-5);
    expect(Object.keys(grads)).toHaveLength(2);
    layer.dispose();
    tf.dispose([grads, x, kernel, bias, upstream] as tf.TensorContainer);
  });

  it('are left as they were by the undo', () => {
    const prototype = Object.getPrototypeOf(layers.conv2d({ filters: 1, kernelSize: 1 })) as object;
    expect(Object.hasOwn(prototype, 'call')).toBe(true);
    disableTrainingKernels();
    expect(Object.hasOwn(prototype, 'call')).toBe(false);
  });
});
