import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { as4D, describeOperations, type OperationCase } from './support/operation-case.ts';

type Pad = 'same' | 'valid' | number;

const convolutions: readonly OperationCase[] = (['same', 'valid', 1] as const).flatMap((pad: Pad) =>
  [1, 2, 3].flatMap((stride) =>
    [1, 2].flatMap((dilation) => {
      if (stride > 1 && dilation > 1) return [];
      const tag = `pad ${pad}, stride ${stride}, dilation ${dilation}`;
      return [
        {
          name: `conv2d ${tag}`,
          shape: [11, 8, 3],
          variables: { filter: [3, 3, 3, 5] },
          call: (x: Tensor, { filter }: Record<string, Variable>) =>
            tf.conv2d(as4D(x), filter as unknown as Tensor4D, stride, pad, 'NHWC', dilation),
        },
        {
          name: `depthwiseConv2d ${tag}`,
          shape: [11, 8, 3],
          variables: { filter: [3, 3, 3, 2] },
          call: (x: Tensor, { filter }: Record<string, Variable>) =>
            tf.depthwiseConv2d(as4D(x), filter as unknown as Tensor4D, stride, pad, 'NHWC', dilation),
        },
      ];
    }),
  ),
);

const products: readonly OperationCase[] = [
  { name: 'matMul', shape: [6], variables: { w: [6, 3] }, call: (x, { w }) => tf.matMul(x, w as Variable) },
  { name: 'matMul right transposed', shape: [6], variables: { w: [3, 6] }, call: (x, { w }) => tf.matMul(x, w as Variable, false, true) },
  { name: 'matMul left transposed', shape: [6], variables: {}, call: (x) => tf.matMul(x, x, true, false) },
  { name: 'matMul of a sequence', shape: [5, 6], variables: { w: [1, 6, 3] }, call: (x, { w }) => tf.matMul(x, w as Variable) },
  { name: 'matMul by a matrix', shape: [5, 6], variables: { w: [6, 3] }, call: (x, { w }) => tf.matMul(x, w as Variable) },
  {
    name: 'fused matMul with bias and relu',
    shape: [6],
    variables: { w: [6, 3], b: [3] },
    call: (x, { w, b }) => tf.fused.matMul({ a: x, b: w as Variable, bias: b as Variable, activation: 'relu' }),
  },
  {
    name: 'fused conv2d with bias and elu',
    shape: [7, 6, 4],
    variables: { w: [3, 2, 4, 5], b: [5] },
    call: (x, { w, b }) =>
      tf.fused.conv2d({ x: as4D(x), filter: w as never, strides: 1, pad: 'same', bias: b as Variable, activation: 'elu' }),
  },
  ...(['same', 'valid'] as const).flatMap((pad) =>
    [1, 2, 3].map((stride): OperationCase => ({
      name: `conv2dTranspose ${pad} ${stride}`,
      shape: [5, 4, 3],
      variables: { w: [3, 2, 6, 3] },
      call: (x, { w }) => {
        const size = (n: number, k: number): number => (pad === 'same' ? n * stride : n * stride + Math.max(k - stride, 0));
        return tf.conv2dTranspose(as4D(x), w as never, [x.shape[0] ?? 1, size(5, 3), size(4, 2), 6], stride, pad);
      },
    })),
  ),
  {
    name: 'conv3d',
    shape: [5, 6, 4, 2],
    variables: { w: [3, 2, 2, 2, 3] },
    call: (x, { w }) => tf.conv3d(x as tf.Tensor5D, w as never, [1, 2, 1], 'same'),
  },
  { name: 'maxPool3d', shape: [5, 6, 4, 2], call: (x) => tf.maxPool3d(x as tf.Tensor5D, 2, 2, 'same') },
  { name: 'avgPool3d', shape: [5, 6, 4, 2], call: (x) => tf.avgPool3d(x as tf.Tensor5D, [3, 2, 2], 2, 'valid') },
  {
    name: 'explicit padding',
    shape: [7, 6, 3],
    variables: { w: [3, 3, 3, 2] },
    call: (x, { w }) =>
      tf.conv2d(as4D(x), w as never, 2, [
        [0, 0],
        [2, 1],
        [0, 2],
        [0, 0],
      ]),
  },
  {
    name: 'depthwise of one channel',
    shape: [7, 6, 1],
    variables: { w: [3, 3, 1, 4] },
    call: (x, { w }) => tf.depthwiseConv2d(as4D(x), w as never, 1, 'same'),
  },
  {
    name: 'filter that is computed',
    shape: [7, 6, 3],
    variables: { w: [3, 3, 3, 2] },
    call: (x, { w }) => tf.conv2d(as4D(x), tf.mul(w as Variable, tf.mean(x)) as never, 1, 'same'),
  },
];

describeOperations('convolutions and products', [...convolutions, ...products]);
