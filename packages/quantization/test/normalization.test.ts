import { scope, traceModel, type FunctionalModel, type ModelGraph } from '@nncf/core';
import '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { activationsOf } from './planning.ts';

beforeAll(() => tf.setBackend('cpu'));

const WIDTH = 6;
const gamma = (): tf.Variable => tf.variable(tf.ones([WIDTH]));

/** A dense layer, a normalization, and a dense layer that reads both. */
function around(normalize: (x: tf.Tensor, gamma: tf.Variable) => tf.Tensor): ModelGraph {
  const variables = { first: tf.variable(tf.ones([WIDTH, WIDTH])), second: tf.variable(tf.ones([WIDTH, 3])), gamma: gamma() };
  const model: FunctionalModel = {
    variables,
    call: (x) => {
      const y = scope('first', () => tf.tanh(tf.matMul(x as tf.Tensor2D, variables.first as tf.Tensor2D)));
      const normal = scope('norm', () => normalize(y, variables.gamma));
      return scope('second', () => tf.matMul(tf.add(normal, y) as tf.Tensor2D, variables.second as tf.Tensor2D));
    },
  };
  return traceModel(model, [{ sample_size: [1, WIDTH] }]).graph;
}

const layerNorm = (x: tf.Tensor, scale: tf.Variable): tf.Tensor => {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), scale);
};
const dividing = (x: tf.Tensor): tf.Tensor => {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  return tf.div(centred, tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5)));
};
const squaredDifference = (x: tf.Tensor): tf.Tensor => {
  const mean = tf.mean(x, -1, true);
  return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.mean(tf.squaredDifference(x, mean), -1, true)));
};
const rootMeanSquare = (x: tf.Tensor, scale: tf.Variable): tf.Tensor =>
  tf.mul(tf.mul(x, tf.rsqrt(tf.add(tf.mean(tf.mul(x, x), -1, true), 1e-6))), scale);
const euclidean = (x: tf.Tensor): tf.Tensor => tf.div(x, tf.maximum(tf.sqrt(tf.sum(tf.square(x), -1, true)), 1e-12));

describe('a normalization written as operations', () => {
  it.each<[string, (x: tf.Tensor, gamma: tf.Variable) => tf.Tensor]>([
    ['layer normalization by moments', layerNorm],
    ['layer normalization by division', dividing],
    ['layer normalization by squared differences', squaredDifference],
    ['the root mean square', rootMeanSquare],
    ['the Euclidean norm', euclidean],
  ])('reads its input quantized, and nothing inside is: %s', (_, normalize) => {
    const [input, output, ...others] = activationsOf(around(normalize));
    expect(input).toBe('input_0 @ first/MatMul_0[0]');
    // The residual sum reads it too.
    expect(output).toMatch(/^first\/Tanh_0:0 @ .*second\/Add_0\[1\]$/u);
    expect(others.filter((each) => each.startsWith('norm/') && !each.endsWith('second/Add_0[0]'))).toEqual([]);
    expect(others).toHaveLength(2);
  });

  it('is one operation in the layer of TensorFlow.js as well', () => {
    const input = tfl.input({ shape: [4, WIDTH], name: 'x' });
    const normal = tfl.layers
      .layerNormalization({ name: 'norm' })
      .apply(tfl.layers.activation({ name: 'act', activation: 'tanh' }).apply(input));
    const model = tfl.model({ inputs: input, outputs: tfl.layers.dense({ name: 'fc', units: 3 }).apply(normal) as tfl.SymbolicTensor });
    expect(activationsOf(traceModel(model).graph)).toEqual([
      'act/Tanh_0:0 @ norm/Mean_0[0] norm/Cast_0[0] norm/FusedBatchNorm_0[0]',
      'norm/FusedBatchNorm_0:0 @ fc/Reshape_0[0]',
    ]);
  });

  it('is none where a statistic comes from another tensor', () => {
    const foreign = around((x, scale) => tf.mul(x, tf.rsqrt(tf.mean(tf.square(tf.mul(tf.tanh(x), tf.add(x, scale))), -1, true))));
    expect(activationsOf(foreign).some((each) => each.includes('norm/Mean_0[0]'))).toBe(true);
  });
});
