/** Every gradient that training of a convolutional network needs, on each backend against the cpu backend. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { disableTrainingKernels, enableTrainingKernels } from '../src/training-kernels.ts';
import { expectClose, expectDerivatives, loadBackends, noise, outputAndGradients, type Operation, type Plain } from './helpers.ts';

const loaded = await loadBackends();
const fast = loaded.filter((name) => name !== 'cpu');

interface Case {
  readonly name: string;
  readonly shapes: number[][];
  readonly run: Operation;
}

const t4 = (x: tf.Tensor | undefined): tf.Tensor4D => x as tf.Tensor4D;
type Pair = [number, number];
type Pad = 'same' | 'valid';

function convolutions(): Case[] {
  const cases: Case[] = [];
  const geometries: { input: number[]; filter: Pair; stride: Pair }[] = [
    { input: [2, 7, 6, 3], filter: [3, 3], stride: [1, 1] },
    { input: [2, 9, 6, 3], filter: [3, 2], stride: [2, 2] },
    { input: [1, 8, 11, 2], filter: [5, 3], stride: [2, 3] },
    { input: [3, 6, 6, 4], filter: [1, 1], stride: [1, 1] },
    { input: [2, 6, 7, 4], filter: [1, 1], stride: [2, 2] },
    { input: [2, 4, 4, 3], filter: [4, 4], stride: [1, 1] },
    { input: [2, 12, 5, 1], filter: [2, 3], stride: [3, 1] },
  ];
  for (const { input, filter, stride } of geometries) {
    for (const pad of ['same', 'valid'] satisfies Pad[]) {
      const label = `${input.join('×')}, ${filter.join('×')}, stride ${stride.join('×')}, ${pad}`;
      const channels = input[3] ?? 1;
      cases.push({
        name: `conv2d ${label}`,
        shapes: [input, [...filter, channels, 5]],
        run: (x, w) => tf.conv2d(t4(x), t4(w), stride, pad),
      });
      for (const multiplier of [1, 2]) {
        cases.push({
          name: `depthwiseConv2d ${label}, multiplier ${multiplier}`,
          shapes: [input, [...filter, channels, multiplier]],
          run: (x, w) => tf.depthwiseConv2d(t4(x), t4(w), stride, pad),
        });
      }
      cases.push({
        name: `maxPool ${label}`,
        shapes: [input],
        run: (x) => tf.maxPool(t4(x), filter, stride, pad),
      });
      cases.push({
        name: `avgPool ${label}`,
        shapes: [input],
        run: (x) => tf.avgPool(t4(x), filter, stride, pad),
      });
    }
  }
  // TensorFlow's own kernel writes past its memory here.
  cases.push({
    name: 'conv2d 1×1 with a stride, few channels',
    shapes: [
      [4, 64, 64, 4],
      [1, 1, 4, 8],
    ],
    run: (x, w) => tf.conv2d(t4(x), t4(w), 2, 'same'),
  });
  return cases;
}

function transposed(): Case[] {
  const make = (input: number[], output: [number, number, number, number], filter: number[], stride: Pair, pad: Pad): Case => ({
    name: `conv2dTranspose ${input.join('×')} to ${output.join('×')}, stride ${stride.join('×')}, ${pad}`,
    shapes: [input, filter],
    run: (x, w) => tf.conv2dTranspose(t4(x), t4(w), output, stride, pad),
  });
  return [
    make([2, 4, 3, 5], [2, 8, 6, 2], [3, 3, 2, 5], [2, 2], 'same'),
    make([2, 4, 3, 5], [2, 8, 6, 2], [2, 2, 2, 5], [2, 2], 'valid'),
    make([1, 4, 3, 2], [1, 6, 5, 3], [3, 3, 3, 2], [1, 1], 'valid'),
  ];
}

function dilated(): Case[] {
  const make = (dilation: number, pad: Pad): Case[] => [
    {
      name: `depthwiseConv2d dilation ${dilation}, ${pad}`,
      shapes: [
        [2, 9, 8, 3],
        [3, 2, 3, 2],
      ],
      run: (x, w) => tf.depthwiseConv2d(t4(x), t4(w), 1, pad, 'NHWC', dilation),
    },
    {
      name: `conv2d dilation ${dilation}, ${pad}`,
      shapes: [
        [2, 9, 8, 3],
        [3, 2, 3, 4],
      ],
      run: (x, w) => tf.conv2d(t4(x), t4(w), 1, pad, 'NHWC', dilation),
    },
  ];
  return [make(2, 'same'), make(3, 'valid'), make(2, 'valid')].flat();
}

function elementwise(): Case[] {
  const unary: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    relu: (x) => tf.relu(x),
    relu6: (x) => tf.relu6(tf.mul(x, 8)),
    sigmoid: tf.sigmoid,
    tanh: tf.tanh,
    elu: tf.elu,
    selu: tf.selu,
    softplus: tf.softplus,
    'leaky relu': (x) => tf.leakyRelu(x, 0.1),
    swish: (x) => tf.mul(x, tf.sigmoid(x)),
    'hard swish': (x) => tf.mul(x, tf.div(tf.relu6(tf.add(x, 3)), 6)),
    exp: tf.exp,
    abs: tf.abs,
    square: tf.square,
    clip: (x) => tf.clipByValue(x, -0.4, 0.6),
    softmax: (x) => tf.softmax(x),
    'log softmax': (x) => tf.logSoftmax(x),
    mean: (x) => tf.mean(x, [1, 2]),
    sum: (x) => tf.sum(x, [0, 3]),
    'sum by channel': (x) => tf.sum(x, [0, 1, 2]),
    'mean by channel, axes kept': (x) => tf.mean(x, [0, 1, 2], true),
    'mean of images, axes kept': (x) => tf.mean(x, [2, 1], true),
    'sum of rows': (x) => tf.sum(tf.reshape(x, [-1, 3]), 0),
    'mean of a vector': (x) => tf.mean(tf.reshape(x, [-1])),
    max: (x) => tf.max(x, [1, 2]),
    pad: (x) =>
      tf.pad(t4(x), [
        [0, 0],
        [1, 2],
        [0, 1],
        [0, 0],
      ]),
    slice: (x) => tf.slice(t4(x), [0, 1, 2, 0], [2, 3, 2, 3]),
    reshape: (x) => tf.reshape(x, [2, -1]),
    transpose: (x) => tf.transpose(x, [0, 3, 1, 2]),
    split: (x) => tf.concat(tf.split(x, [1, 2], 3).toReversed(), 3),
    tile: (x) => tf.tile(x, [1, 2, 1, 1]),
    'resize bilinear': (x) => tf.image.resizeBilinear(t4(x), [9, 7]),
    'resize bilinear, aligned': (x) => tf.image.resizeBilinear(t4(x), [9, 8], true),
    'resize nearest': (x) => tf.image.resizeNearestNeighbor(t4(x), [10, 8]),
    moments: (x) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.add(mean, variance);
    },
    gather: (x) => tf.gather(x, tf.tensor1d([1, 0, 1], 'int32'), 0),
    sqrt: (x) => tf.sqrt(tf.add(tf.square(x), 0.1)),
    rsqrt: (x) => tf.rsqrt(tf.add(tf.square(x), 0.1)),
    log: (x) => tf.log(tf.add(tf.square(x), 0.1)),
    pow: (x) => tf.pow(tf.add(tf.square(x), 0.1), 1.5),
  };
  return Object.entries(unary).map(([name, run]) => ({
    name,
    shapes: [[2, 5, 4, 3]],
    run: (x) => run(x as tf.Tensor),
  }));
}

function several(): Case[] {
  const same = [2, 4, 5, 3];
  return [
    {
      name: 'batch norm in training',
      shapes: [same, [3], [3]],
      run: (x, gamma, beta) => trainingBatchNorm(t4(x), gamma as tf.Tensor1D, beta as tf.Tensor1D),
    },
    {
      name: 'batch norm with given statistics',
      shapes: [same, [3], [3]],
      run: (x, gamma, beta) =>
        tf.batchNorm4d(t4(x), tf.tensor1d([0.1, 0, 1]), tf.tensor1d([1, 2, 0.5]), beta as tf.Tensor1D, gamma as tf.Tensor1D, 1e-3),
    },
    { name: 'concat', shapes: [same, [2, 4, 5, 2]], run: (a, b) => tf.concat([t4(a), t4(b)], 3) },
    {
      name: 'add, broadcast',
      shapes: [same, [3]],
      run: (a, b) => tf.add(a as tf.Tensor, b as tf.Tensor),
    },
    {
      name: 'mul, broadcast',
      shapes: [same, [2, 1, 1, 3]],
      run: (a, b) => tf.mul(a as tf.Tensor, b as tf.Tensor),
    },
    {
      name: 'div',
      shapes: [same, [3]],
      run: (a, b) => tf.div(a as tf.Tensor, tf.add(tf.square(b as tf.Tensor), 0.5)),
    },
    {
      name: 'maximum',
      shapes: [same, same],
      run: (a, b) => tf.maximum(a as tf.Tensor, b as tf.Tensor),
    },
    { name: 'prelu', shapes: [same, [3]], run: (a, b) => tf.prelu(a as tf.Tensor, b as tf.Tensor) },
    {
      name: 'matMul',
      shapes: [
        [4, 6],
        [6, 5],
      ],
      run: (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
    },
    {
      name: 'matMul, both transposed',
      shapes: [
        [6, 4],
        [5, 6],
      ],
      run: (a, b) => tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, true, true),
    },
    {
      name: 'matMul, batches',
      shapes: [
        [3, 4, 6],
        [3, 5, 6],
      ],
      run: (a, b) => tf.matMul(a as tf.Tensor3D, b as tf.Tensor3D, false, true),
    },
    {
      name: 'fused matMul',
      shapes: [[4, 6], [6, 5], [5]],
      run: (a, b, bias) =>
        tf.fused.matMul({
          a: a as tf.Tensor2D,
          b: b as tf.Tensor2D,
          bias: bias as tf.Tensor,
          activation: 'linear',
        }),
    },
    {
      name: 'fused conv2d',
      shapes: [same, [3, 3, 3, 4], [4]],
      run: (x, w, bias) =>
        tf.fused.conv2d({
          x: t4(x),
          filter: t4(w),
          strides: 2,
          pad: 'same',
          bias: bias as tf.Tensor1D,
        }),
    },
    {
      name: 'fused conv2d with relu',
      shapes: [same, [3, 3, 3, 4], [4]],
      run: (x, w, bias) =>
        tf.fused.conv2d({
          x: t4(x),
          filter: t4(w),
          strides: 1,
          pad: 'same',
          bias: bias as tf.Tensor1D,
          activation: 'relu',
        }),
    },
    {
      name: 'fused depthwise',
      shapes: [same, [3, 3, 3, 1], [3]],
      run: (x, w, bias) =>
        tf.fused.depthwiseConv2d({
          x: t4(x),
          filter: t4(w),
          strides: 1,
          pad: 'same',
          bias: bias as tf.Tensor1D,
          activation: 'relu6',
        }),
    },
    {
      name: 'softmax cross-entropy',
      shapes: [[6, 5]],
      run: (logits) => tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d([0, 1, 2, 3, 4, 0], 'int32'), 5), logits as tf.Tensor2D),
    },
    {
      name: 'sigmoid cross-entropy',
      shapes: [[6, 5]],
      run: (logits) => tf.losses.sigmoidCrossEntropy(tf.oneHot(tf.tensor1d([0, 1, 2, 3, 4, 0], 'int32'), 5), logits as tf.Tensor2D),
    },
    {
      name: 'embedding by gather',
      shapes: [[7, 3]],
      run: (table) => tf.gather(table as tf.Tensor2D, tf.tensor1d([1, 0, 6, 1], 'int32')),
    },
  ];
}

function trainingBatchNorm(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, 1e-3);
}

const CASES = [...convolutions(), ...transposed(), ...dilated(), ...elementwise(), ...several()];

describe.each(fast)('gradients on %s equal those on cpu', (backend) => {
  beforeAll(() => {
    enableTrainingKernels();
  });
  afterAll(() => {
    disableTrainingKernels();
  });
  it.each(CASES)('$name', async ({ shapes, run }) => {
    const inputs: Plain[] = shapes.map((shape, index) => noise(shape, index + 1));
    const results = await outputAndGradients(backend, run, inputs);
    expectClose(results, await outputAndGradients('cpu', run, inputs), 2e-5);
    await expectDerivatives(run, inputs, results);
  });
});

it('the wasm backend always loads', () => {
  expect(loaded).toContain('wasm');
});
