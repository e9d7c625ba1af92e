import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { as4D, describeOperations } from './support/operation-case.ts';

type Body = (x: Tensor) => Tensor | Tensor[];

/** Operations on the shape `[N, 7, 6, 4]`. */
const pictures: readonly (readonly [string, Body])[] = [
  ...(['same', 'valid'] as const).flatMap((pad) =>
    [1, 2].flatMap((stride): [string, Body][] => [
      [`maxPool ${pad} ${stride}`, (x) => tf.maxPool(as4D(x), 3, stride, pad)],
      [`avgPool ${pad} ${stride}`, (x) => tf.avgPool(as4D(x), [3, 2], stride, pad)],
    ]),
  ),
  ['maxPool of rounding up', (x) => tf.maxPool(as4D(x), 3, 3, 0, 'ceil')],
  ['maxPool with a border', (x) => tf.maxPool(as4D(x), 2, 2, 1)],
  ['mean of the picture', (x) => tf.mean(x, [1, 2])],
  ['mean of the picture, kept', (x) => tf.mean(x, [1, 2], true)],
  ['max of the picture', (x) => tf.max(x, [1, 2])],
  ['mean of the channels', (x) => tf.mean(x, -1)],
  ['sum of rows', (x) => tf.sum(x, 1)],
  ['sum, kept', (x) => tf.sum(x, [1, 3], true)],
  ['min', (x) => tf.min(x, [2])],
  ['prod', (x) => tf.prod(x, 3)],
  ['all', (x) => tf.all(tf.greater(x, -1), 3)],
  ['any', (x) => tf.any(tf.greater(x, 1), [1, 2])],
  ['argMax', (x) => tf.argMax(x, -1)],
  ['argMin', (x) => tf.argMin(x, 1)],
  ['cumsum', (x) => tf.cumsum(x, 2)],
  ['cumsum exclusive reverse', (x) => tf.cumsum(x, 3, true, true)],
  ['softmax', (x) => tf.softmax(x)],
  ['logSoftmax', (x) => tf.logSoftmax(x)],
  ['localResponseNormalization', (x) => tf.localResponseNormalization(as4D(x), 1, 2, 0.5, 0.6)],
  ['resizeNearestNeighbor twice', (x) => tf.image.resizeNearestNeighbor(as4D(x), [14, 12])],
  ['resizeNearestNeighbor odd', (x) => tf.image.resizeNearestNeighbor(as4D(x), [10, 5])],
  ['resizeNearestNeighbor corners', (x) => tf.image.resizeNearestNeighbor(as4D(x), [11, 9], true)],
  ['resizeBilinear twice', (x) => tf.image.resizeBilinear(as4D(x), [14, 12])],
  ['resizeBilinear odd', (x) => tf.image.resizeBilinear(as4D(x), [10, 5])],
  ['resizeBilinear corners', (x) => tf.image.resizeBilinear(as4D(x), [11, 9], true)],
  ['resizeBilinear centres', (x) => tf.image.resizeBilinear(as4D(x), [10, 12], false, true)],
  ['reshape to flat', (x) => tf.reshape(x, [x.shape[0] ?? 1, 168])],
  ['reshape that merges', (x) => tf.reshape(x, [x.shape[0] ?? 1, 42, 4])],
  ['reshape of the batch', (x) => tf.reshape(x, [(x.shape[0] ?? 1) * 7, 24])],
  ['expandDims', (x) => tf.expandDims(x, 2)],
  ['squeeze', (x) => tf.squeeze(tf.expandDims(x, 1), [1])],
  ['transpose', (x) => tf.transpose(x, [0, 3, 2, 1])],
  ['transpose, then sum', (x) => tf.sum(tf.transpose(x, [0, 3, 2, 1]), 1)],
  ['slice', (x) => tf.slice(x, [0, 1, 2, 0], [-1, 5, 3, 4])],
  ['stridedSlice', (x) => tf.stridedSlice(x, [0, 1, 5, 0], [0, 6, 0, 4], [1, 2, -1, 1], 1, 1)],
  ['stridedSlice that drops an axis', (x) => tf.stridedSlice(x, [0, 2, 0], [0, 3, 0], [1, 1, 1], 5, 5, 0, 0, 2)],
  [
    'pad',
    (x) =>
      tf.pad(
        x,
        [
          [0, 0],
          [1, 2],
          [0, 1],
          [2, 0],
        ],
        0.5,
      ),
  ],
  [
    'mirrorPad reflect',
    (x) =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [2, 1],
          [1, 3],
          [0, 0],
        ],
        'reflect',
      ),
  ],
  [
    'mirrorPad symmetric',
    (x) =>
      tf.mirrorPad(
        x,
        [
          [0, 0],
          [2, 1],
          [3, 0],
          [0, 0],
        ],
        'symmetric',
      ),
  ],
  ['tile', (x) => tf.tile(x, [1, 2, 1, 3])],
  ['broadcastTo', (x) => tf.broadcastTo(tf.mean(x, [1], true), [x.shape[0] ?? 1, 7, 6, 4])],
  ['reverse', (x) => tf.reverse(x, [1, 3])],
  ['concat', (x) => tf.concat([x, tf.neg(x), tf.slice(x, [0, 0, 0, 0], [-1, 7, 6, 2])], 3)],
  ['concat with a constant', (x) => tf.concat([tf.mean(x, [0, 1, 2]) as tf.Tensor1D, tf.tensor1d([1, 2])])],
  ['split', (x) => tf.split(x, [1, 2, 1], 3)],
  ['split evenly', (x) => tf.split(x, 3, 2)],
  ['stack', (x) => tf.stack([x, tf.square(x)], 1)],
  ['unstack', (x) => tf.unstack(x, 3)],
  ['depthToSpace', (x) => tf.depthToSpace(as4D(x), 2)],
  [
    'spaceToBatchND and back',
    (x) =>
      tf.batchToSpaceND(
        tf.relu(
          tf.spaceToBatchND(
            x,
            [2, 2],
            [
              [1, 0],
              [0, 0],
            ],
          ),
        ),
        [2, 2],
        [
          [1, 0],
          [0, 0],
        ],
      ),
  ],
  ['dilated pool', (x) => tf.pool(as4D(x), [2, 2], 'max', 'valid', [2, 2])],
  ['gather', (x) => tf.gather(x, tf.tensor1d([2, 0, 3], 'int32'), 3)],
  [
    'topk',
    (x) => {
      const { values, indices } = tf.topk(x, 2);
      return [values, indices];
    },
  ],
  ['oneHot', (x) => tf.oneHot(tf.argMax(x, -1), 5, 2, -1)],
  ['einsum', (x) => tf.einsum('nhwc,cd->nhwd', x, tf.tensor2d([1, 2, 3, 4, 5, 6, 7, 8], [4, 2]))],
  ['batchNorm', (x) => tf.batchNorm(as4D(x), [0.1, 0.2, -0.3, 0.4], [1, 0.5, 2, 1.5], [0, 1, 2, 3], [1, -1, 0.5, 2], 1e-3)],
  ['batchNorm without scale', (x) => tf.batchNorm(as4D(x), [0.1, 0.2, -0.3, 0.4], [1, 0.5, 2, 1.5])],
  [
    'batchNorm by computed statistics',
    (x) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm(as4D(x), mean as tf.Tensor1D, variance as tf.Tensor1D);
    },
  ],
  ['matMul of pictures', (x) => tf.matMul(x, x, false, true)],
  ['matMul of pictures, left transposed', (x) => tf.matMul(x, x, true, false)],
  ['fill after the batch', (x) => tf.concat([x, tf.fill([x.shape[0] ?? 1, 7, 6, 1], 3)], 3)],
  ['zeros after the batch', (x) => tf.concat([x, tf.zeros([x.shape[0] ?? 1, 7, 6, 1])], 3)],
  [
    'gatherND',
    (x) =>
      tf.gatherND(
        x,
        tf.tensor2d(
          [
            [0, 1],
            [0, 6],
          ],
          [2, 2],
          'int32',
        ),
      ),
  ],
];

/** Operations on the shape `[N, 6]`. */
const rows: readonly (readonly [string, Body])[] = [
  [
    'batchNorm of rows',
    (x) =>
      tf.batchNorm2d(
        x as tf.Tensor2D,
        tf.ones<tf.Rank.R1>([6]),
        tf.fill<tf.Rank.R1>([6], 2),
        tf.zeros<tf.Rank.R1>([6]),
        tf.fill<tf.Rank.R1>([6], -3),
      ),
  ],
  ['gather rows', (x) => tf.gather(tf.reshape(tf.range(0, 20), [10, 2]), tf.cast(tf.abs(x), 'int32'))],
  ['softmax of rows', (x) => tf.softmax(x)],
];

describeOperations('shapes, poolings and reductions', [
  ...pictures.map(([name, call]) => ({ name, shape: [7, 6, 4], call })),
  ...rows.map(([name, call]) => ({ name, shape: [6], call })),
]);
