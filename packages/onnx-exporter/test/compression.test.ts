import { registerOnnxOperator, type ExportSource, type PlanCommand, type TensorOperator } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Tensor4D, Variable } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serializeOnnx, type OnnxExportOptions } from '../src/index.ts';
import { useCpu } from './support/cpu.ts';
import {
  decoded,
  ExportFolder,
  largestDifference,
  operations,
  plainSource,
  runOnnx,
  PEERS_TIMEOUT,
  preparePeers,
} from './support/export-case.ts';
import { command, steps64, steps64Mapping, positiveMask, unmapped } from './support/fake-operators.ts';

const folder = new ExportFolder();
beforeAll(async () => {
  registerOnnxOperator(steps64Mapping);
  await useCpu();
});
beforeAll(preparePeers, PEERS_TIMEOUT);
afterAll(() => folder.remove());

type Body = (x: Tensor, variables: Record<string, Variable>) => Tensor | Tensor[];

/** A model as it is exported, and what it computes with its operators at work. */
interface Subject {
  readonly source: ExportSource;
  readonly bytes: Uint8Array;
}

function subject(
  body: Body,
  variables: Record<string, Variable>,
  shape: readonly number[],
  commands: readonly PlanCommand[],
  operators: Readonly<Record<string, TensorOperator>>,
  options: OnnxExportOptions = {},
): Subject {
  const plain = plainSource({ variables, call: (x: Tensor) => body(x, variables) }, [{ sample_size: [1, ...shape] }]);
  const source = { ...plain, plan: { commands }, operators: new Map(Object.entries(operators)) };
  return { source, bytes: serializeOnnx(source, options) };
}

const grid = (x: Tensor): Tensor => steps64.apply(x, { training: false });
const types = (bytes: Uint8Array): Record<string, number> =>
  Object.fromEntries(decoded(bytes).initializer?.map(({ name, dataType }) => [name ?? '', dataType ?? 0]) ?? []);
const INT8 = 3;

async function expectSame(name: string, bytes: Uint8Array, x: Tensor, expected: readonly Tensor[]): Promise<void> {
  expect(largestDifference(await runOnnx(bytes, [x]), expected)).toBeLessThan(1e-5);
  folder.keep(name, bytes, [x], expected);
}

describe('operators of the plan', () => {
  it('store a weight on a grid as integers, and quantize what a convolution reads', async () => {
    const filter = tf.variable(tf.randomNormal([3, 3, 2, 4]), true, 'filter');
    const conv: Body = (x, { filter: w }) => tf.conv2d(x as Tensor4D, w as never, 1, 'same');
    const commands = [command('a', [['Conv2D_0', 0]]), command('w', [['Conv2D_0', 1]])];
    const { bytes } = subject(conv, { filter }, [6, 6, 2], commands, { a: steps64, w: steps64 });
    expect(operations(bytes)).toEqual({ Transpose: 2, QuantizeLinear: 1, DequantizeLinear: 2, Conv: 1 });
    expect(Object.values(types(bytes))).toContain(INT8);
    const x = tf.randomNormal([2, 6, 6, 2]);
    await expectSame('grids', bytes, x, [tf.conv2d(grid(x) as Tensor4D, grid(filter) as never, 1, 'same')]);
  });

  it.each<[string, Body, PlanCommand[], (w: Tensor) => Tensor]>([
    [
      'the other way round',
      (x, { w }) => tf.matMul(x, tf.transpose(tf.reshape(w as Variable, [3, 5]))),
      [command('w', [['Reshape_0', 0]])],
      (w) => tf.transpose(grid(w)),
    ],
    [
      'with a mask, by nothing, as a dense layer over sequences does',
      (x, { w }) => tf.matMul(x, tf.reshape(tf.transpose(tf.transpose(w as Variable), [1, 0]), [3, 5]), false, true),
      [command('w', [['Transpose_0', 0]]), command('mask', [['Transpose_0', 0]], 'mask')],
      (w) => tf.transpose(grid(tf.relu(w))),
    ],
    [
      'and quantized at the product',
      (x, { w }) => tf.matMul(x, tf.transpose(w as Variable)),
      [command('w', [['MatMul_0', 1]])],
      (w) => tf.transpose(grid(w)),
    ],
  ])('store a weight as integers that is turned before it is read, %s', async (name, body, commands, expected) => {
    const w = tf.variable(tf.randomNormal([3, 5]), true, `turned ${name}`);
    const { bytes } = subject(body, { w }, [5], commands, { w: steps64, mask: positiveMask });
    expect(operations(bytes)).toEqual({ DequantizeLinear: 1, Gemm: 1 });
    const matrices = decoded(bytes).initializer?.filter(({ dims }) => dims?.length === 2);
    expect(matrices?.map(({ dataType, dims }) => [dataType, dims?.map(Number)])).toEqual([[INT8, [3, 5]]]);
    const x = tf.randomNormal([2, 5]);
    await expectSame(name, bytes, x, [tf.matMul(x, expected(w) as tf.Tensor2D)]);
  });

  it('stand once in the file when several operands share a value', () => {
    const w = tf.variable(tf.randomNormal([4, 4]));
    const body: Body = (x, { w: kernel }) => tf.add(tf.matMul(x, kernel as Variable), tf.matMul(tf.tanh(x), kernel as Variable));
    const activation = command('a', [
      ['MatMul_0', 0],
      ['Tanh_0', 0],
    ]);
    const weight = command('w', [
      ['MatMul_0', 1],
      ['MatMul_1', 1],
    ]);
    const { bytes } = subject(body, { w }, [4], [activation, weight], { a: steps64, w: steps64 });
    expect(operations(bytes)).toEqual({ QuantizeLinear: 1, DequantizeLinear: 2, Gemm: 2, Tanh: 1, Add: 1 });
  });

  it('mask a weight before it goes to the grid: zeros stay zeros in the integers', async () => {
    const w = tf.variable(tf.randomNormal([5, 3]));
    const body: Body = (x, { w: kernel }) => tf.matMul(x, kernel as Variable);
    const commands = [command('grid', [['MatMul_0', 1]]), command('mask', [['MatMul_0', 1]], 'mask')];
    const { bytes } = subject(body, { w }, [5], commands, { grid: steps64, mask: positiveMask });
    const integers = decoded(bytes).initializer?.find(({ dataType, dims }) => dataType === INT8 && dims?.length === 2);
    const stored = new Int8Array(integers?.rawData ?? []);
    const dense = tf.transpose(w).dataSync();
    stored.forEach((value, i) => expect(value === 0 || (dense[i] ?? 0) > 0).toBe(true));
    const x = tf.randomNormal([2, 5]);
    await expectSame('mask and grid', bytes, x, [tf.matMul(x, grid(tf.relu(w)))]);
  });

  it('act on a weight that a constant operation prepares', async () => {
    const filter = tf.variable(tf.randomNormal([3, 2, 4]));
    const body: Body = (x, { filter: w }) => tf.conv1d(x as tf.Tensor3D, w as never, 1, 'same');
    const { source, bytes } = subject(body, { filter }, [7, 2], [command('w', [['Conv2D_0', 1]])], { w: steps64 });
    expect(source.graph.nodes.map(({ op }) => op)).toContain('Reshape');
    expect(operations(bytes)['DequantizeLinear']).toBe(1);
    const x = tf.randomNormal([2, 7, 2]);
    await expectSame('conv1d', bytes, x, [tf.conv1d(x as tf.Tensor3D, grid(filter) as never, 1, 'same')]);
  });

  it('act inside of constant operations too', async () => {
    const w = tf.variable(tf.randomNormal([4, 3]));
    const body: Body = (x, { w: kernel }) => tf.matMul(x, tf.square(kernel as Variable));
    const { bytes } = subject(body, { w }, [4], [command('w', [['Square_0', 0]])], { w: steps64 });
    expect(operations(bytes)).toEqual({ Gemm: 1 });
    const x = tf.randomNormal([2, 4]);
    await expectSame('inner grid', bytes, x, [tf.matMul(x, tf.square(grid(w)))]);
  });

  it('take a batch norm behind a quantized convolution into scales and bias', async () => {
    // Within the grid: its lowest integer has no mirror image.
    const filter = tf.variable(tf.randomUniform([3, 3, 2, 4], -1.9, 1.9));
    const gamma = tf.variable(tf.tensor1d([1, -2, 0.5, 0]));
    const norm = (y: Tensor): Tensor =>
      tf.batchNorm(y as Tensor4D, [0.1, 0.2, 0.3, 0.4], [1, 2, 0.5, 1], [0, 1, 2, 3], gamma as never, 1e-3);
    const body: Body = (x, { filter: w }) => norm(tf.conv2d(x as Tensor4D, w as never, 2, 'same'));
    const commands = [command('a', [['Conv2D_0', 0]]), command('w', [['Conv2D_0', 1]])];
    const { bytes } = subject(body, { filter, gamma }, [7, 6, 2], commands, { a: steps64, w: steps64 });
    expect(operations(bytes)).toEqual({ Transpose: 2, QuantizeLinear: 1, DequantizeLinear: 2, Conv: 1 });
    const x = tf.randomNormal([2, 7, 6, 2]);
    await expectSame('batch norm', bytes, x, [norm(tf.conv2d(grid(x) as Tensor4D, grid(filter) as never, 2, 'same'))]);
    const apart = subject(body, { filter, gamma }, [7, 6, 2], commands, { a: steps64, w: steps64 }, { foldBatchNorm: false });
    expect(operations(apart.bytes)['BatchNormalization']).toBe(1);
  });

  it('quantize a depthwise filter, whose channels and multiplier become one axis', async () => {
    const filter = tf.variable(tf.randomNormal([3, 3, 2, 3]));
    const body: Body = (x, { filter: w }) => tf.depthwiseConv2d(x as Tensor4D, w as never, 1, 'valid');
    const { bytes } = subject(body, { filter }, [6, 6, 2], [command('w', [['DepthwiseConv2dNative_0', 1]])], { w: steps64 });
    const x = tf.randomNormal([2, 6, 6, 2]);
    await expectSame('depthwise', bytes, x, [tf.depthwiseConv2d(x as Tensor4D, grid(filter) as never, 1, 'valid')]);
  });

  it('act on values that are read in two layouts, before the transpose', async () => {
    const filter = tf.variable(tf.randomNormal([1, 1, 2, 2]));
    const body: Body = (x, { filter: w }) => {
      const y = tf.relu(tf.conv2d(x as Tensor4D, w as never, 1, 'same'));
      return [tf.conv2d(y as Tensor4D, w as never, 1, 'same'), tf.reshape(y, [y.shape[0] ?? 1, 18])];
    };
    const points: [string, number][] = [
      ['Conv2D_1', 0],
      ['Reshape_0', 0],
    ];
    const { bytes } = subject(body, { filter }, [3, 3, 2], [command('a', points)], { a: steps64 });
    expect(operations(bytes)['QuantizeLinear']).toBe(1);
    const x = tf.randomNormal([2, 3, 3, 2]);
    const y = grid(tf.relu(tf.conv2d(x as Tensor4D, filter as never, 1, 'same')));
    await expectSame('two layouts', bytes, x, [tf.conv2d(y as Tensor4D, filter as never, 1, 'same'), tf.reshape(y, [2, 18])]);
  });
});

describe('a convolution in groups', () => {
  const body: Body = (x, variables) => {
    const parts = tf.split(x as Tensor4D, 3, 3).map((part, i) => tf.conv2d(part as Tensor4D, variables[`w${i}`] as never, 1, 'same'));
    return tf.relu(tf.add(tf.concat(parts, 3), variables['bias'] as Variable));
  };
  const filters = (): Record<string, Variable> => ({
    ...Object.fromEntries([0, 1, 2].map((i) => [`w${i}`, tf.variable(tf.randomNormal([3, 3, 2, 4]))])),
    bias: tf.variable(tf.randomNormal([12])),
  });

  it('is one in the file', async () => {
    const variables = filters();
    const { bytes } = subject(body, variables, [5, 6, 6], [], {});
    expect(operations(bytes)).toEqual({ Transpose: 2, Conv: 1, Relu: 1 });
    const x = tf.randomNormal([2, 5, 6, 6]);
    await expectSame('groups', bytes, x, [body(x, variables) as Tensor]);
  });

  it('is one on integers too', async () => {
    const variables = filters();
    const commands = [command('a', [['SplitV_0', 0]]), ...[0, 1, 2].map((i) => command(`w${i}`, [[`Conv2D_${i}`, 1]]))];
    const operators = { a: steps64, w0: steps64, w1: steps64, w2: steps64 };
    const { bytes } = subject(body, variables, [5, 6, 6], commands, operators);
    expect(operations(bytes)).toEqual({ Transpose: 2, QuantizeLinear: 1, DequantizeLinear: 2, Conv: 1, Relu: 1 });
    const x = tf.randomNormal([2, 5, 6, 6]);
    const onGrid = Object.fromEntries(Object.entries(variables).map(([name, w]) => [name, name === 'bias' ? w : grid(w)]));
    await expectSame('groups of integers', bytes, x, [body(grid(x), onGrid as Record<string, Variable>) as Tensor]);
  });

  it('stays apart where its parts differ', () => {
    const uneven: Body = (x, variables) => {
      const [left, right] = tf.split(x as Tensor4D, 2, 3) as [Tensor4D, Tensor4D];
      return tf.concat(
        [tf.conv2d(left, variables['w0'] as never, 1, 'same'), tf.conv2d(right, variables['w1'] as never, 1, 'same', 'NHWC', 2)],
        3,
      );
    };
    const { bytes } = subject(uneven, filters(), [5, 6, 4], [], {});
    expect(operations(bytes)).toMatchObject({ Split: 1, Conv: 2, Concat: 1 });
  });
});

describe('what does not fit together', () => {
  const w = (): Variable => tf.variable(tf.randomNormal([4, 3]));
  const body: Body = (x, { w: kernel }) => tf.matMul(x, kernel as Variable);
  const point: [string, number][] = [['MatMul_0', 1]];

  it('names an operator without a mapping, and its node', () => {
    expect(() => subject(body, { w: w() }, [4], [command('odd/w', point)], { 'odd/w': unmapped })).toThrow(
      /"odd\/w" of kind "test-unmapped" at "MatMul" \(node "MatMul_0".*\n.*registerOnnxOperator/,
    );
  });

  it('names an operator that is not alive', () => {
    expect(() => subject(body, { w: w() }, [4], [command('gone', point)], {})).toThrow(/operator "gone"/);
  });
});

it('onnx.checker accepts every file, and OpenVINO agrees', () => {
  const reports = folder.check();
  expect(reports.filter(({ checker }) => checker !== null)).toEqual([]);
  expect(reports.filter(({ openvino }) => typeof openvino === 'string' || openvino > 1e-4)).toEqual([]);
  const integers = reports.find(({ name }) => name === 'batch norm');
  expect(integers?.layers?.find(([type]) => type === 'Convolution')?.[1]).toMatch(/[iu]8/);
});
