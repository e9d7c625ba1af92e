import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxGraph } from '../src/emit/onnx-graph.ts';
import { dropDead } from '../src/passes/drop-dead.ts';
import { dropNeutral } from '../src/passes/drop-neutral.ts';
import { foldAffine } from '../src/passes/fold-affine.ts';
import { foldPad } from '../src/passes/fold-pad.ts';
import { mergeClips } from '../src/passes/merge-clips.ts';
import { shieldPool } from '../src/passes/shield-pool.ts';
import { encodeModel } from '../src/proto/encode-model.ts';
import { useCpu } from './support/cpu.ts';
import { largestDifference, runOnnx } from './support/export-case.ts';
import { defaults, graph, node, stored } from './support/hand-made.ts';

beforeAll(useCpu);

const ops = (model: OnnxGraph): string[] => model.nodes.map(({ op }) => op);
const constants = (model: OnnxGraph): Record<string, number[]> =>
  Object.fromEntries([...model.initializers].map(([name, { data }]) => [name, [...data]]));

/** Runs both models on the same random input and returns by how much they differ. */
async function difference(a: OnnxGraph, b: OnnxGraph, shape: number[]): Promise<number> {
  const x = tf.randomNormal(shape);
  const standard = (model: OnnxGraph): OnnxGraph => ({ ...model, domains: new Map([['', 17]]) });
  return largestDifference(await runOnnx(encodeModel(standard(a)), [x]), await runOnnx(encodeModel(standard(b)), [x]));
}

const flat = { x: ['N', 2], y: ['N', 2] } as const;
const picture = { x: ['N', 2, 5, 5], y: ['N', 3, 5, 5] } as const;

describe('dropDead', () => {
  it('removes what no output depends on, and keeps the rest', () => {
    const model = graph(
      [node('Neg', ['x'], 'dead'), node('Add', ['x', 'c'], 'y')],
      [stored('c', [], [1]), stored('unused', [], [2])],
      flat,
    );
    const result = dropDead(model);
    expect(ops(result)).toEqual(['Add']);
    expect([...result.initializers.keys()]).toEqual(['c']);
  });
});

describe('dropNeutral', () => {
  it('removes x + 0, 0 + x, x · 1, x / 1 and x − 0', () => {
    const model = graph(
      [
        node('Add', ['x', 'zero'], 'a'),
        node('Add', ['zero', 'a'], 'b'),
        node('Mul', ['one', 'b'], 'c'),
        node('Div', ['c', 'one'], 'd'),
        node('Sub', ['d', 'zero'], 'e'),
        node('Neg', ['e'], 'y'),
      ],
      [stored('zero', [], [0]), stored('one', [], [1])],
      flat,
    );
    expect(dropNeutral(model).nodes).toEqual([node('Neg', ['x'], 'y')]);
  });

  it('keeps 0 − x, 1 / x, an operand that broadcasts, and the model’s own output', () => {
    const model = graph(
      [node('Sub', ['zero', 'x'], 'a'), node('Div', ['one', 'a'], 'b'), node('Add', ['b', 'wide'], 'c'), node('Add', ['c', 'zero'], 'y')],
      [stored('zero', [], [0]), stored('one', [], [1]), stored('wide', [2, 1], [0, 0])],
      flat,
    );
    expect(dropNeutral(model).nodes).toEqual(model.nodes);
  });
});

describe('mergeClips', () => {
  it('writes a minimum of a relu as one clip', () => {
    const model = graph([node('Relu', ['x'], 'a'), node('Min', ['six', 'a'], 'y')], [stored('six', [], [6])], flat);
    const result = dropDead(mergeClips(model));
    expect(ops(result)).toEqual(['Clip']);
    expect(result.nodes[0]?.inputs[0]).toBe('x');
    expect(result.nodes[0]?.inputs.slice(1).map((name) => constants(result)[name])).toEqual([[0], [6]]);
  });

  it('keeps a value between two clips that somebody else reads', () => {
    const model = graph(
      [node('Relu', ['x'], 'a'), node('Min', ['a', 'six'], 'b'), node('Add', ['a', 'b'], 'y')],
      [stored('six', [], [6])],
      flat,
    );
    expect(ops(mergeClips(model))).toEqual(['Relu', 'Clip', 'Add']);
  });

  it('computes the same for any chain', async () => {
    const step = fc.record({ op: fc.constantFrom('Min', 'Max', 'Relu'), bound: fc.double({ min: -2, max: 2, noNaN: true }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (steps) => {
        const nodes = steps.map(({ op }, i) => {
          const input = i === 0 ? 'x' : `v${i - 1}`;
          return node(op, op === 'Relu' ? [input] : [input, `c${i}`], i === steps.length - 1 ? 'y' : `v${i}`);
        });
        const model = graph(
          nodes,
          steps.map(({ bound }, i) => stored(`c${i}`, [], [bound])),
          flat,
        );
        const merged = mergeClips(model);
        expect(dropDead(merged).nodes.length).toBe(1);
        expect(await difference(dropDead(model), dropDead(merged), [7, 2])).toBe(0);
      }),
      { numRuns: 30 },
    );
  });
});

describe('foldPad', () => {
  const pads = stored('pads', [8], [0, 0, 1, 2, 0, 0, 0, 1], 'INT64');
  const zero = stored('zero', [], [0]);
  const weight = stored(
    'w',
    [3, 2, 3, 3],
    Array.from({ length: 54 }, (_, i) => Math.sin(i)),
  );
  const window = { kernel_shape: { ints: [3, 3] }, pads: { ints: [0, 0, 0, 0] } };
  const shapes = { x: ['N', 2, 5, 5], y: ['N', 3, 4, 6] } as const;
  const poolShapes = { x: ['N', 2, 5, 5], y: ['N', 2, 4, 6] } as const;

  it('lets a convolution pad by itself', async () => {
    const model = graph([node('Pad', ['x', 'pads', 'zero'], 'p'), node('Conv', ['p', 'w'], 'y', window)], [pads, zero, weight], shapes);
    const result = foldPad(model);
    expect(ops(result)).toEqual(['Conv']);
    expect(result.nodes[0]?.attributes['pads']).toEqual({ ints: [1, 2, 0, 1] });
    expect(await difference(model, result, [2, 2, 5, 5])).toBe(0);
  });

  it('moves the border through a quantizer', async () => {
    const grid = ['scale', 'point'];
    const model = graph(
      [
        node('Pad', ['x', 'pads', 'zero'], 'p'),
        node('QuantizeLinear', ['p', ...grid], 'q'),
        node('DequantizeLinear', ['q', ...grid], 'd'),
        node('Conv', ['d', 'w'], 'y', window),
      ],
      [pads, zero, weight, stored('scale', [], [0.02]), stored('point', [], [120], 'UINT8')],
      shapes,
    );
    const result = foldPad(model);
    expect(ops(result)).toEqual(['QuantizeLinear', 'DequantizeLinear', 'Conv']);
    expect(await difference(model, result, [2, 2, 5, 5])).toBeLessThan(1e-5);
  });

  it('moves it through a FakeQuantize whose grid has zero, and no other', () => {
    const quantized = (low: number): OnnxGraph =>
      graph(
        [
          node('Pad', ['x', 'pads', 'zero'], 'p'),
          node('FakeQuantize', ['p', 'low', 'high', 'low', 'high'], 'q', { levels: { int: 256 } }),
          node('Conv', ['q', 'w'], 'y', window),
        ],
        [pads, zero, weight, stored('low', [1, 1, 1, 1], [low]), stored('high', [], [low + 2.55])],
        shapes,
      );
    expect(ops(foldPad(quantized(-1)))).toEqual(['FakeQuantize', 'Conv']);
    expect(ops(foldPad(quantized(-0.995)))).toEqual(['Pad', 'FakeQuantize', 'Conv']);
  });

  it('lets a maximum pad where nothing is below zero', async () => {
    const pooled = (first: string): OnnxGraph =>
      graph(
        [node(first, ['x'], 'a'), node('Pad', ['a', 'pads', 'zero'], 'p'), node('MaxPool', ['p'], 'y', window)],
        [pads, zero],
        poolShapes,
      );
    expect(ops(foldPad(pooled('Neg')))).toEqual(['Neg', 'Pad', 'MaxPool']);
    expect(ops(foldPad(pooled('Relu')))).toEqual(['Relu', 'MaxPool']);
    expect(await difference(pooled('Relu'), foldPad(pooled('Relu')), [2, 2, 5, 5])).toBe(0);
  });

  it('lets a mean count the border', async () => {
    const average = { ...window, count_include_pad: { int: 0 } };
    const model = graph([node('Pad', ['x', 'pads', 'zero'], 'p'), node('AveragePool', ['p'], 'y', average)], [pads, zero], poolShapes);
    const result = foldPad(model);
    expect(ops(result)).toEqual(['AveragePool']);
    expect(await difference(model, result, [2, 2, 5, 5])).toBeLessThan(1e-6);
  });

  it('keeps a border of another value, of channels, or that somebody else reads', () => {
    const conv = node('Conv', ['p', 'w'], 'y', window);
    const pad = node('Pad', ['x', 'pads', 'zero'], 'p');
    const other = graph([pad, conv], [pads, stored('zero', [], [1]), weight], shapes);
    const channels = graph([pad, conv], [stored('pads', [8], [0, 1, 0, 0, 0, 0, 0, 0], 'INT64'), zero, weight], shapes);
    const read = graph([pad, node('Conv', ['p', 'w'], 'c', window), node('Add', ['c', 'p'], 'y')], [pads, zero, weight], shapes);
    for (const model of [other, channels, read]) expect(ops(foldPad(model))).toEqual(ops(model));
  });
});

describe('shieldPool', () => {
  it('keeps a border of zeros in the maximum of values below zero', async () => {
    const pads = stored('pads', [8], [0, 0, 1, 1, 0, 0, 1, 1], 'INT64');
    const pool = node('MaxPool', ['p'], 'y', { kernel_shape: { ints: [3, 3] }, strides: { ints: [3, 3] } });
    const border = graph([node('Pad', ['x', 'pads', 'zero'], 'p'), pool], [pads, stored('zero', [], [0])], {
      x: ['N', 2, 4, 4],
      y: ['N', 2, 2, 2],
    });
    const [y] = await runOnnx(encodeModel({ ...shieldPool(border), domains: new Map([['', 17]]) }), [tf.fill([1, 2, 4, 4], -3)]);
    expect(Math.max(...(y?.dataSync() ?? []))).toBeCloseTo(0, 30);
    expect(Math.min(...(y?.dataSync() ?? []))).toBeCloseTo(0, 30);
  });

  it('leaves a border of another value alone', () => {
    const pads = stored('pads', [8], [0, 0, 1, 1, 0, 0, 1, 1], 'INT64');
    const nodes = [node('Pad', ['x', 'pads', 'five'], 'p'), node('MaxPool', ['p'], 'y', { kernel_shape: { ints: [3, 3] } })];
    expect(shieldPool(graph(nodes, [pads, stored('five', [], [5])], picture)).nodes).toEqual(nodes);
  });
});

describe('foldAffine', () => {
  const norm = [
    stored('gamma', [3], [1.5, -0.5, 0]),
    stored('beta', [3], [0.1, 0.2, 0.3]),
    stored('mean', [3], [0.3, -0.2, 0.1]),
    stored('variance', [3], [1, 4, 0.25]),
  ];
  const batchNorm = (input: string): ReturnType<typeof node> =>
    node('BatchNormalization', [input, 'gamma', 'beta', 'mean', 'variance'], 'y', { epsilon: { float: 0 } });
  const conv = (weight: string): ReturnType<typeof node> => node('Conv', ['x', weight], 'c', { pads: { ints: [1, 1, 1, 1] } });
  const values = Array.from({ length: 54 }, (_, i) => Math.sin(3 * i));
  const integers = Array.from({ length: 54 }, (_, i) => ((i * 37) % 255) - 127);

  it('takes a bias and a batch norm into the weights of a convolution', async () => {
    const nodes = [conv('w'), node('Add', ['bias', 'c'], 'b'), batchNorm('b')];
    const model = graph(nodes, [stored('w', [3, 2, 3, 3], values), stored('bias', [3, 1, 1], [1, 2, 3]), ...norm], picture);
    const result = dropDead(foldAffine(model, defaults));
    expect(ops(result)).toEqual(['Conv']);
    expect(await difference(model, result, [2, 2, 5, 5])).toBeLessThan(1e-5);
  });

  it('keeps integer weights, but for the sign of channels with a negative factor', async () => {
    const dequantize = node('DequantizeLinear', ['w', 'scale', 'point'], 'wd', { axis: { int: 0 } });
    const weight = [
      stored('w', [3, 2, 3, 3], integers, 'INT8'),
      stored('scale', [3], [0.01, 0.02, 0.03]),
      stored('point', [3], [0, 0, 0], 'INT8'),
    ];
    const model = graph([dequantize, conv('wd'), batchNorm('c')], [...weight, ...norm], picture);
    const result = dropDead(foldAffine(model, defaults));
    expect(ops(result)).toEqual(['DequantizeLinear', 'Conv']);
    const [made = '', scale = '', point = ''] = result.nodes[0]?.inputs ?? [];
    const expected = integers.map((value, i) => [value, -value, 0][Math.floor(i / 18)]);
    expect(constants(result)[made]).toEqual(expected.map((value = 0) => value + 0));
    expect(constants(result)[scale]?.map((value) => value.toFixed(6))).toEqual(['0.015000', '0.005000', '0.030000']);
    expect(constants(result)[point]).toEqual([0, 0, 0]);
    expect(await difference(model, result, [2, 2, 5, 5])).toBeLessThan(1e-4);
  });

  const perTensor = (contents: readonly number[], zero: number, type: 'INT8' | 'UINT8'): OnnxGraph => {
    const dequantize = node('DequantizeLinear', ['w', 'scale', 'point'], 'wd');
    const weight = [stored('w', [3, 2, 3, 3], contents, type), stored('scale', [], [0.01]), stored('point', [], [zero], type)];
    return graph([dequantize, conv('wd'), batchNorm('c')], [...weight, ...norm], picture);
  };

  it('mirrors the zero point of an asymmetric weight', async () => {
    const model = perTensor(
      integers.map((value) => value + 127),
      100,
      'UINT8',
    );
    const result = dropDead(foldAffine(model, defaults));
    expect(ops(result)).toEqual(['DequantizeLinear', 'Conv']);
    expect(constants(result)[result.nodes[0]?.inputs[2] ?? '']).toEqual([100, 155, 100]);
    expect(await difference(model, result, [2, 2, 5, 5])).toBeLessThan(1e-4);
  });

  it('leaves the batch norm where a symmetric weight would need a zero point', () => {
    const lowest = integers.map((value, i) => (i === 20 ? -128 : value));
    expect(ops(foldAffine(perTensor(lowest, 0, 'INT8'), defaults))).toEqual(['DequantizeLinear', 'Conv', 'BatchNormalization']);
    const elsewhere = integers.map((value, i) => (i === 2 ? -128 : value));
    expect(ops(dropDead(foldAffine(perTensor(elsewhere, 0, 'INT8'), defaults)))).toEqual(['DequantizeLinear', 'Conv']);
  });

  it('moves the factor to the output range of a FakeQuantize and mirrors what it turns', () => {
    const quantize = node('FakeQuantize', ['w', 'low', 'high', 'low', 'high'], 'wd', { levels: { int: 255 } });
    const ends = [1, 2, 3].map((value) => value * 1.27);
    const weight = [
      stored('w', [3, 2, 3, 3], values),
      stored(
        'low',
        [3, 1, 1, 1],
        ends.map((value) => -value),
      ),
      stored('high', [3, 1, 1, 1], ends),
    ];
    const model = graph([quantize, conv('wd'), batchNorm('c')], [...weight, ...norm], picture);
    const result = dropDead(foldAffine(model, defaults));
    expect(ops(result)).toEqual(['FakeQuantize', 'Conv']);
    const [contents, inLow, , , outHigh] = (result.nodes[0]?.inputs ?? []).map((name) => constants(result)[name] ?? []);
    expect(inLow?.map((value) => value.toFixed(3))).toEqual(['-1.270', '-2.540', '-3.810']);
    expect(outHigh?.map((value) => value.toFixed(3))).toEqual(['1.905', '0.635', '0.000']);
    const steps = values.map((value) => Math.round(value / 0.02) * 0.02);
    expect(contents?.[20]).toBeCloseTo(-(steps[20] ?? 0), 6);
    expect(contents?.[0]).toBeCloseTo(values[0] ?? 0, 6);
  });

  it('leaves a batch norm alone when told to, and still takes the bias', () => {
    const nodes = [conv('w'), node('Add', ['c', 'bias'], 'b'), batchNorm('b')];
    const model = graph(nodes, [stored('w', [3, 2, 3, 3], values), stored('bias', [1, 3, 1, 1], [1, 2, 3]), ...norm], picture);
    expect(ops(foldAffine(model, { ...defaults, foldBatchNorm: false }))).toEqual(['Conv', 'BatchNormalization']);
  });

  it('stops at a value that somebody else reads', () => {
    const nodes = [conv('w'), batchNorm('c'), node('Relu', ['c'], 'other')];
    const model = graph(nodes, [stored('w', [3, 2, 3, 3], values), ...norm], picture);
    expect(ops(foldAffine(model, defaults))).toEqual(['Conv', 'BatchNormalization', 'Relu']);
  });

  it('does not take an addition that differs from pixel to pixel', () => {
    const nodes = [conv('w'), node('Add', ['c', 'map'], 'y')];
    const model = graph(nodes, [stored('w', [3, 2, 3, 3], values), stored('map', [1, 1, 5, 5], values.slice(0, 25))], picture);
    expect(ops(foldAffine(model, defaults))).toEqual(['Conv', 'Add']);
  });

  it('keeps the bias of a quantized dense layer apart unless its result is quantized', () => {
    const grid = (name: string, input: string): ReturnType<typeof node>[] => [
      node('QuantizeLinear', [input, 's', 'z'], `${name}q`),
      node('DequantizeLinear', [`${name}q`, 's', 'z'], name),
    ];
    const dense = [
      ...grid('d', 'x'),
      node('DequantizeLinear', ['w', 's', 'z8'], 'wd'),
      node('Gemm', ['d', 'wd'], 'g', { transB: { int: 1 } }),
    ];
    const weight = [
      stored('w', [2, 2], [1, 2, 3, 4], 'INT8'),
      stored('s', [], [0.1]),
      stored('z', [], [0], 'UINT8'),
      stored('z8', [], [0], 'INT8'),
    ];
    const bias = stored('bias', [2], [5, 6]);
    const last = graph([...dense, node('Add', ['g', 'bias'], 'y')], [...weight, bias], flat);
    expect(ops(foldAffine(last, defaults)).slice(-2)).toEqual(['Gemm', 'Add']);
    const inner = graph([...dense, node('Add', ['g', 'bias'], 'b'), node('Relu', ['b'], 'r'), ...grid('y', 'r')], [...weight, bias], flat);
    expect(ops(foldAffine(inner, defaults))).toEqual([
      'QuantizeLinear',
      'DequantizeLinear',
      'DequantizeLinear',
      'Gemm',
      'Relu',
      'QuantizeLinear',
      'DequantizeLinear',
    ]);
  });
});
