import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { channelAxesOf, channelView, sumTo } from '../src/channels.ts';
import { type Application, fakeQuantizeKernels, type Grid } from '../src/kernels.ts';
import { composedKernels } from '../src/kernels/composed.ts';
import { hostKernels } from '../src/kernels/host.ts';
import { expectNear, numbers } from './arrays.ts';

const SHAPES = [
  { shape: [40, 50], parameter: [] },
  { shape: [40, 50], parameter: [1, 1] },
  { shape: [5, 6, 7, 9], parameter: [9] },
  { shape: [5, 6, 7, 9], parameter: [1, 1, 7, 9] },
  { shape: [5, 6, 7, 9], parameter: [6, 1, 1] },
];

function gridOf(parameterShape: number[], low: number): Grid {
  const spread = tf.randomUniform(parameterShape, 0.8, 1.2, 'float32', 4);
  return { low: tf.mul(spread, low), range: tf.mul(spread, 2), levels: 256 };
}

describeBackends('the kernels', () => {
  it.each(SHAPES)('agree: one pass in memory, composed, and the one that is chosen, for $parameter on $shape', ({ shape, parameter }) => {
    for (const low of [-1, -0.5, 0]) checkAgreement(shape, parameter, low);
  });

  it('sum half a million gradients to the precision of a double', () => {
    const shape = [512, 1024];
    const grid = gridOf([], -1);
    const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
    const kernels = fakeQuantizeKernels(x, []);
    const application: Application = { upstream: tf.randomUniform(shape, 0, 1, 'float32', 2), x, y: kernels.forward(x, grid) };
    const { dRange, dLow } = kernels.backward(application, grid, 0);
    const exact = hostKernels({ outer: 1, channels: 1, inner: x.size }).backward(application, grid, 0);
    expectNear([...numbers(dRange), ...numbers(dLow)], [...numbers(exact.dRange), ...numbers(exact.dLow)], 1e-5);
  });
});

function checkAgreement(shape: number[], parameter: number[], low: number): void {
  const grid = { ...gridOf(parameter, low), startsAtZero: low === 0 };
  const x = tf.randomNormal(shape, 0, 1, 'float32', 1);
  const kernels = [fakeQuantizeKernels(x, parameter), composedKernels, hostKernels(channelView(shape, channelAxesOf(parameter, shape))!)];
  const values = kernels.map((kernel) => kernel.forward(x, grid));
  const [chosen, composed, host] = values.map(numbers);
  expect(chosen).toEqual(host);
  expect(composed).toEqual(host);
  const application: Application = { upstream: tf.randomNormal(shape, 0, 1, 'float32', 2), x, y: values[0]! };
  const gradients = kernels.map((kernel) => kernel.backward(application, grid, -1));
  const [first, second, exact] = gradients.map(({ dx, dRange, dLow }) => ({
    dx: numbers(tf.add(dx, 0)),
    parameters: [...numbers(dRange), ...numbers(dLow)],
  }));
  for (const one of [first!, second!]) {
    expect(one.dx).toEqual(exact!.dx);
    expectNear(one.parameters, exact!.parameters, 1e-4, 1);
  }
}

describeBackends('sumTo', () => {
  it.each([
    [[], [21]],
    [[1], [21]],
    [[3], [5, 7, 9]],
    [
      [2, 1],
      [6, 15],
    ],
    [
      [2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
  ])('brings a matrix to the shape %j', (shape, sums) => {
    const summed = sumTo(tf.tensor([1, 2, 3, 4, 5, 6], [2, 3]), shape);
    expect(summed.shape).toEqual(shape);
    expect(numbers(summed)).toEqual(sums);
  });
});
