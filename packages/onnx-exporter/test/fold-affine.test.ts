import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxGraph } from '../src/emit/onnx-graph.ts';
import { dropDead } from '../src/passes/drop-dead.ts';
import { foldAffine } from '../src/passes/fold-affine.ts';
import { useCpu } from './support/cpu.ts';
import { constants, defaults, difference, flat, graph, node, ops, picture, stored } from './support/hand-made.ts';

beforeAll(useCpu);

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

  describe('of a quantized dense layer', () => {
    const grid = (name: string, input: string, zero: string): ReturnType<typeof node>[] => [
      node('QuantizeLinear', [input, 's', zero], `${name}q`),
      node('DequantizeLinear', [`${name}q`, 's', zero], name),
    ];
    const model = (tail: readonly ReturnType<typeof node>[]): OnnxGraph =>
      graph(
        [
          ...grid('d', 'x', 'z'),
          node('Reshape', ['d', 'shape'], 'r'),
          node('DequantizeLinear', ['w', 's', 'z8'], 'wd'),
          node('Gemm', ['r', 'wd'], 'g', { transB: { int: 1 } }),
          ...tail,
        ],
        [
          stored('w', [2, 2], [1, 2, 3, 4], 'INT8'),
          stored('s', [], [0.1]),
          stored('z', [], [0], 'UINT8'),
          stored('z8', [], [0], 'INT8'),
          stored('shape', [2], [-1, 2], 'INT64'),
          stored('bias', [2], [5, 6]),
        ],
        flat,
      );

    it('the bias stays apart where the result is not quantized, or to another type', () => {
      expect(ops(foldAffine(model([node('Add', ['g', 'bias'], 'y')]), defaults))).toContain('Add');
      const other = model([node('Add', ['g', 'bias'], 'b'), ...grid('y', 'b', 'z8')]);
      expect(ops(foldAffine(other, defaults))).toContain('Add');
    });

    it('the bias is part of the layer where its result is quantized to the type of its input', () => {
      const tail = [node('Add', ['g', 'bias'], 'b'), node('Relu', ['b'], 'r2'), ...grid('y', 'r2', 'z')];
      expect(ops(foldAffine(model(tail), defaults)).slice(4)).toEqual(['Gemm', 'Relu', 'QuantizeLinear', 'DequantizeLinear']);
    });
  });
});
