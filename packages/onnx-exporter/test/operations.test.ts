import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import type { Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExportFolder, exported, largestDifference, runOnnx } from './support/export-case.ts';

/** Functional code around one operation. */
interface Case {
  readonly name: string;
  /** Sizes without the batch. */
  readonly shape: readonly number[];
  readonly dtype?: 'int32';
  readonly call: (x: Tensor, variables: Record<string, Variable>) => Tensor | Tensor[];
  readonly variables?: Readonly<Record<string, readonly number[]>>;
  /** Values of the input: around zero by default, above it for logarithms and roots. */
  readonly positive?: boolean;
  readonly tolerance?: number;
}

const as4D = (x: Tensor): Tensor4D => x as Tensor4D;
type Pad = 'same' | 'valid' | number;

const unary: readonly (readonly [string, (x: Tensor) => Tensor, boolean?])[] = [
  ['abs', tf.abs],
  ['acosh', (x) => tf.acosh(tf.add(x, 1.5)), true],
  ['acos', (x) => tf.acos(tf.mul(tf.tanh(x), 0.9))],
  ['asin', (x) => tf.asin(tf.mul(tf.tanh(x), 0.9))],
  ['asinh', tf.asinh],
  ['atan', tf.atan],
  ['atanh', (x) => tf.atanh(tf.mul(tf.tanh(x), 0.9))],
  ['ceil', tf.ceil],
  ['clipByValue', (x) => tf.clipByValue(x, -0.5, 0.7)],
  ['cos', tf.cos],
  ['cosh', tf.cosh],
  ['elu', tf.elu],
  ['erf', tf.erf],
  ['exp', tf.exp],
  ['expm1', tf.expm1],
  ['floor', tf.floor],
  ['isFinite', (x) => tf.isFinite(tf.div(1, tf.relu(x)))],
  ['isInf', (x) => tf.isInf(tf.div(1, tf.relu(x)))],
  ['isNaN', (x) => tf.isNaN(tf.log(x))],
  ['leakyRelu', (x) => tf.leakyRelu(x, 0.3)],
  ['log', tf.log, true],
  ['log1p', tf.log1p, true],
  ['logicalNot', (x) => tf.logicalNot(tf.greater(x, 0))],
  ['neg', tf.neg],
  ['onesLike', tf.onesLike],
  ['reciprocal', tf.reciprocal, true],
  ['relu', tf.relu],
  ['relu6', (x) => tf.relu6(tf.mul(x, 5))],
  ['round', (x) => tf.round(tf.mul(x, 3))],
  ['rsqrt', tf.rsqrt, true],
  ['selu', tf.selu],
  ['sigmoid', tf.sigmoid],
  ['sign', tf.sign],
  ['sin', tf.sin],
  ['sinh', tf.sinh],
  ['softplus', tf.softplus],
  ['sqrt', tf.sqrt, true],
  ['square', tf.square],
  ['step', (x) => tf.step(x, 0.25)],
  ['tan', (x) => tf.tan(tf.tanh(x))],
  ['tanh', tf.tanh],
  ['zerosLike', tf.zerosLike],
  ['cast to int and back', (x) => tf.cast(tf.cast(tf.mul(x, 5), 'int32'), 'float32')],
  ['cast from bool', (x) => tf.cast(tf.greater(x, 0), 'float32')],
];

const binary: readonly (readonly [string, (x: Tensor, y: Tensor) => Tensor, boolean?])[] = [
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', tf.div, true],
  ['floorDiv', (x, y) => tf.floorDiv(x, y), true],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['mod', (x, y) => tf.mod(tf.mul(tf.sub(x, 1), 7), y), true],
  ['pow', tf.pow, true],
  ['squaredDifference', tf.squaredDifference],
  ['equal', (x, y) => tf.equal(tf.round(x), tf.round(y))],
  ['notEqual', (x, y) => tf.notEqual(tf.round(x), tf.round(y))],
  ['greater', tf.greater],
  ['greaterEqual', tf.greaterEqual],
  ['less', tf.less],
  ['lessEqual', tf.lessEqual],
  ['logicalAnd', (x, y) => tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0))],
  ['logicalOr', (x, y) => tf.logicalOr(tf.greater(x, 0), tf.greater(y, 0))],
  ['logicalXor', (x, y) => tf.logicalXor(tf.greater(x, 0), tf.greater(y, 0))],
  ['where', (x, y) => tf.where(tf.greater(x, 0), x, y)],
  ['addN', (x, y) => tf.addN([x, tf.add(x, y), x])],
  ['prelu', (x, y) => tf.prelu(x, tf.abs(y))],
];

/** The second operand in the shapes that broadcasting knows, against `[N, 5, 6, 4]`. */
const operandShapes: readonly (readonly [string, readonly number[]])[] = [
  ['scalar', []],
  ['channels', [4]],
  ['pixels', [5, 6, 1]],
  ['full', [1, 5, 6, 4]],
];

/** `tf.where` broadcasts by other operations at batch size 1 than at others when an operand's first size is 1. */
const shapesFor = (name: string): typeof operandShapes => (name === 'where' ? operandShapes.slice(0, 3) : operandShapes);

const convolutions: readonly Case[] = (['same', 'valid', 1] as const).flatMap((pad: Pad) =>
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
  ['concat with a constant', (x) => tf.concat([tf.mean(x, [0, 1, 2]), tf.tensor1d([1, 2])])],
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
const rows: readonly (readonly [string, Body, Readonly<Record<string, readonly number[]>>?])[] = [
  ['batchNorm of rows', (x) => tf.batchNorm2d(x as tf.Tensor2D, tf.ones([6]), tf.fill([6], 2), tf.zeros([6]), tf.fill([6], -3))],
  ['gather rows', (x) => tf.gather(tf.reshape(tf.range(0, 20), [10, 2]), tf.cast(tf.abs(x), 'int32'))],
  ['softmax of rows', (x) => tf.softmax(x)],
];

const products: readonly Case[] = [
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
    [1, 2, 3].map((stride): Case => ({
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

const cases: readonly Case[] = [
  ...products,
  ...pictures.map(([name, call]) => ({ name, shape: [7, 6, 4], call })),
  ...rows.map(([name, call]) => ({ name, shape: [6], call })),
  ...unary.map(([name, call, positive = false]) => ({ name, shape: [5, 4], call, positive })),
  ...binary.flatMap(([name, call, positive = false]) =>
    shapesFor(name).map(([operand, shape]) => ({
      name: `${name} ${operand}`,
      shape: [5, 6, 4],
      variables: { y: shape },
      positive,
      call: (x: Tensor, { y }: Record<string, Variable>) => call(x, y as Variable),
    })),
  ),
  ...convolutions,
];

const folder = new ExportFolder();
const random = (shape: readonly number[], positive: boolean): Tensor =>
  positive ? tf.randomUniform([...shape], 0.2, 2) : tf.randomNormal([...shape], 0, 1);

describe('each operation in ONNX Runtime gives what TensorFlow.js gives', () => {
  beforeAll(async () => {
    await tf.setBackend('cpu');
  });

  it.each(cases)('$name', async ({ name, shape, call, variables = {}, positive = false, tolerance = 2e-5 }) => {
    const live = Object.fromEntries(Object.entries(variables).map(([key, size]) => [key, tf.variable(random(size, positive))]));
    const model = { variables: live, call: (x: Tensor) => call(x, live) };
    const bytes = exported(model, {}, [{ sample_size: [1, ...shape] }]);
    for (const batch of [3, 1]) {
      const x = random([batch, ...shape], positive);
      const expected = [call(x, live)].flat();
      expect(largestDifference(await runOnnx(bytes, [x]), expected)).toBeLessThan(tolerance);
      if (batch === 1) folder.keep(name, bytes, [x], expected);
    }
  });

  afterAll(() => folder.remove());

  it('and passes onnx.checker, and OpenVINO agrees', () => {
    const reports = folder.check();
    expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
    const differing = reports.filter(({ openvino }) => typeof openvino === 'string' || openvino > 1e-4);
    // OpenVINO's CPU kernel never finds a value infinite, whatever made it.
    expect(differing.filter(({ name }) => !name.endsWith(' isInf'))).toEqual([]);
    expect(reports.length).toBe(cases.length);
  });
});
