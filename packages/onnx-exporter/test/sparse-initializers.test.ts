/** Weights stored as values and positions: the same numbers in fewer bytes. */
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import onnxProto from 'onnx-proto';
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxBytes } from '../src/index.ts';
import { sparsePositions } from '../src/proto/sparse-initializer.ts';
import { useCpu } from './support/cpu.ts';
import { largestDifference, runOnnx } from './support/export-case.ts';

/** A convolution and a dense layer with a share of zeros in their weights. */
function network(zeros: number): tfl.LayersModel {
  const layers = [
    tfl.layers.conv2d({ filters: 16, kernelSize: 3, inputShape: [6, 6, 8], activation: 'relu' }),
    tfl.layers.flatten(),
    tfl.layers.dense({ units: 10 }),
  ];
  const model = tfl.sequential({ layers });
  const weights = model.getWeights().map((weight, i) => {
    const dropped = tf.less(tf.randomUniform(weight.shape, 0, 1, 'float32', i), weight.rank === 1 ? 0 : zeros);
    return tf.where(dropped, tf.zerosLike(weight), tf.randomNormal(weight.shape, 0, 0.1, 'float32', i + 9));
  });
  model.setWeights(weights);
  return model;
}

function sparseShapes(bytes: Uint8Array): number[][] {
  const { graph } = onnxProto.onnx.ModelProto.decode(bytes);
  return (graph?.sparseInitializer ?? []).map(({ dims }) => (dims ?? []).map(Number));
}

beforeAll(useCpu);

describe('sparse initializers', () => {
  it('are smaller and give the same outputs in ONNX Runtime', async () => {
    const model = network(0.9);
    const [dense, sparse] = [onnxBytes(model), onnxBytes(model, { sparseInitializers: true })];
    expect(sparseShapes(sparse)).toEqual([
      [16, 8, 3, 3],
      [10, 256],
    ]);
    expect(sparse.length).toBeLessThan(0.45 * dense.length);
    const x = tf.randomNormal([2, 6, 6, 8], 0, 1, 'float32', 3);
    const y = model.predict(x) as Tensor;
    expect(largestDifference(await runOnnx(sparse, [x]), [y])).toBeLessThan(1e-5);
  });

  it('are not written where they would be larger, nor unless asked for', () => {
    expect(sparseShapes(onnxBytes(network(0.5), { sparseInitializers: true }))).toEqual([]);
    expect(sparseShapes(onnxBytes(network(0.9)))).toEqual([]);
  });

  it.each([
    ['FLOAT', [0, 0, 0, 5], [3]],
    ['FLOAT', [0, 0, 5], undefined],
    ['FLOAT', [0, 0, 0, 0], undefined],
    ['INT8', [0, 0, 0, 0, 0, 0, 0, 0, 1], undefined],
    ['INT8', [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], [9]],
    ['INT64', [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], undefined],
  ] as const)('%s %j: positions %j', (type, data, positions) => {
    expect(sparsePositions({ name: 'w', type, shape: [data.length], data: Float32Array.from(data) })).toEqual(positions);
  });
});
