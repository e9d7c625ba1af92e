import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxGraph } from '../src/emit/onnx-graph.ts';
import { dropDead } from '../src/passes/drop-dead.ts';
import { dropNeedlessClips } from '../src/passes/drop-needless-clips.ts';
import { dropNeutral } from '../src/passes/drop-neutral.ts';
import { dropDuplicates } from '../src/passes/drop-duplicates.ts';
import { foldPad } from '../src/passes/fold-pad.ts';
import { fuseLayerNorm } from '../src/passes/fuse-layer-norm.ts';
import { mergeClips } from '../src/passes/merge-clips.ts';
import { orderGelu } from '../src/passes/order-gelu.ts';
import { quantizeJoined } from '../src/passes/quantize-joined.ts';
import { shieldPool } from '../src/passes/shield-pool.ts';
import { unsignedActivations } from '../src/passes/unsigned-activations.ts';
import { encodeModel } from '../src/proto/encode-model.ts';
import { useCpu } from './support/cpu.ts';
import { runOnnx } from './support/export-case.ts';
import { constants, difference, flat, graph, node, ops, picture, stored } from './support/hand-made.ts';

beforeAll(useCpu);

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

describe('dropDuplicates', () => {
  it('keeps one of equal nodes, also of nodes that become equal', () => {
    const nodes = [
      node('Neg', ['x'], 'a'),
      node('Neg', ['x'], 'b'),
      node('Abs', ['a'], 'c'),
      node('Abs', ['b'], 'd'),
      node('Add', ['c', 'd'], 'y'),
    ];
    expect(dropDuplicates(graph(nodes, [], flat)).nodes).toEqual([nodes[0], nodes[2], node('Add', ['c', 'c'], 'y')]);
  });

  it('keeps nodes that differ in an attribute, and outputs of the model', () => {
    const nodes = [
      node('LeakyRelu', ['x'], 'a', { alpha: { float: 0.1 } }),
      node('LeakyRelu', ['x'], 'b', { alpha: { float: 0.2 } }),
      node('Add', ['a', 'b'], 'c'),
      node('Add', ['a', 'b'], 'y'),
    ];
    expect(dropDuplicates(graph(nodes, [], flat)).nodes).toEqual(nodes);
  });
});

describe('fuseLayerNorm', () => {
  const mean = (input: string, output: string): ReturnType<typeof node> =>
    node('ReduceMean', [input], output, { axes: { ints: [-1] }, keepdims: { int: 1 } });
  const body = (keep: readonly ReturnType<typeof node>[]): OnnxGraph =>
    graph(
      [
        mean('x', 'm'),
        node('Sub', ['x', 'm'], 'd'),
        node('Mul', ['d', 'd'], 's'),
        mean('s', 'v'),
        node('Add', ['v', 'epsilon'], 'e'),
        node('Sqrt', ['e'], 'r'),
        node('Div', ['d', 'r'], 'n'),
        node('Mul', ['gamma', 'n'], 'g'),
        ...keep,
      ],
      [stored('epsilon', [], [0.5]), stored('gamma', [2], [2, 3]), stored('beta', [2], [4, 5])],
      flat,
    );

  it('writes the arithmetic as one operation', async () => {
    const model = body([node('Add', ['g', 'beta'], 'y')]);
    const result = dropDead(fuseLayerNorm(model));
    expect(ops(result)).toEqual(['LayerNormalization']);
    expect(await difference(model, result, [7, 2])).toBeLessThan(1e-5);
  });

  it('needs no offset, and keeps a mean that somebody else reads', async () => {
    const model = body([node('Add', ['g', 'm'], 'y')]);
    const result = dropDead(fuseLayerNorm(model));
    expect(ops(result)).toEqual(['ReduceMean', 'LayerNormalization', 'Add']);
    expect(await difference(model, result, [7, 2])).toBeLessThan(1e-5);
  });
});

describe('orderGelu', () => {
  it('moves the half behind the product, and nothing else', async () => {
    const gelu = (factor: number): OnnxGraph =>
      graph(
        [node('Erf', ['x'], 'e'), node('Add', ['e', 'one'], 'a'), node('Mul', ['half', 'a'], 'h'), node('Mul', ['x', 'h'], 'y')],
        [stored('one', [], [1]), stored('half', [], [factor])],
        flat,
      );
    expect(orderGelu(gelu(0.5)).nodes.slice(2)).toEqual([node('Mul', ['x', 'a'], 'h'), node('Mul', ['h', 'half'], 'y')]);
    expect(await difference(gelu(0.5), orderGelu(gelu(0.5)), [7, 2])).toBe(0);
    expect(orderGelu(gelu(0.3)).nodes).toEqual(gelu(0.3).nodes);
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

describe('unsignedActivations', () => {
  const quantized = (reader: ReturnType<typeof node>): OnnxGraph =>
    graph(
      [
        node('QuantizeLinear', ['x', 's', 'z'], 'q'),
        node('DequantizeLinear', ['q', 's', 'z'], 'd'),
        node('Reshape', ['d', 'shape'], 'r'),
        reader,
      ],
      [stored('s', [], [0.01]), stored('z', [], [-5], 'INT8'), stored('shape', [2], [-1, 2], 'INT64'), stored('w', [2, 2], [1, 2, 3, 4])],
      flat,
    );

  it('raises the zero point, and computes the same', async () => {
    const model = quantized(node('Relu', ['r'], 'y'));
    const result = dropDead(unsignedActivations(model));
    expect(constants(result)['z/unsigned']).toEqual([123]);
    expect(result.initializers.get('z/unsigned')?.type).toBe('UINT8');
    expect(result.initializers.has('z')).toBe(false);
    expect(await difference(model, result, [50, 2])).toBe(0);
  });

  it('leaves operands of a product, and integers that something else reads', () => {
    const product = quantized(node('MatMul', ['r', 'w'], 'y'));
    expect(unsignedActivations(product).nodes).toEqual(product.nodes);
    const integers = quantized(node('Cast', ['q'], 'y', { to: { int: 1 } }));
    expect(unsignedActivations(integers).nodes).toEqual(integers.nodes);
  });
});

describe('dropNeedlessClips', () => {
  /** Values between 0 and 6, on a grid of 8 bits whose highest point is `top`. */
  function clipped(top: number, zero = 0): OnnxGraph {
    return graph(
      [
        node('Clip', ['x', 'low', 'high'], 'c'),
        node('QuantizeLinear', ['c', 'scale', 'zero'], 'q'),
        node('DequantizeLinear', ['q', 'scale', 'zero'], 'y'),
      ],
      [
        stored('low', [], [0]),
        stored('high', [], [6]),
        stored('scale', [], [top / 255]),
        { ...stored('zero', [], [zero]), type: 'UINT8' as const },
      ],
      flat,
    );
  }

  it.each([
    ['within the clip', 5.9],
    ['that ends with the clip', 6.0000367],
    ['that ends less than half a step behind it', 6.011],
  ])('leaves the cut to a grid %s, and computes the same', async (_, top) => {
    const model = clipped(top);
    const result = dropNeedlessClips(model);
    expect(ops(result)).toEqual(['QuantizeLinear', 'DequantizeLinear']);
    expect(await difference(model, result, tf.tensor2d([-3, -0.01, 0, 0.02, 5.87, 5.99, 6, 6.005, 6.01, 6.02, 7, 1e9], [6, 2]))).toBe(0);
  });

  it('keeps a clip within the grid, one that is an output, and one that something else reads', () => {
    for (const model of [clipped(6.02), clipped(5.9, 1)]) expect(dropNeedlessClips(model).nodes).toEqual(model.nodes);
    const read = clipped(5.9);
    const more = { ...read, nodes: [...read.nodes, node('Neg', ['c'], 'z')] };
    expect(dropNeedlessClips(more).nodes).toEqual(more.nodes);
    const open = { ...read, outputs: [...read.outputs, { ...read.outputs[0]!, name: 'c' }] };
    expect(dropNeedlessClips(open).nodes).toEqual(open.nodes);
  });
});

describe('quantizeJoined', () => {
  const parts = (second: string): OnnxGraph =>
    graph(
      [
        node('QuantizeLinear', ['x', 's', 'z'], 'q'),
        node('DequantizeLinear', ['q', 's', 'z'], 'd'),
        node('Neg', ['x'], 'n'),
        node('QuantizeLinear', ['n', second, 'z'], 'nq'),
        node('DequantizeLinear', ['nq', second, 'z'], 'nd'),
        node('Concat', ['d', 'nd'], 'c', { axis: { int: 1 } }),
        node('Relu', ['c'], 'y'),
      ],
      [stored('s', [], [0.01]), stored('t', [], [0.02]), stored('z', [], [128], 'UINT8')],
      { x: ['N', 2], y: ['N', 4] },
    );

  it('puts a quantizer behind parts that are on one grid, and computes the same', async () => {
    const result = quantizeJoined(parts('s'));
    expect(ops(result).slice(-4)).toEqual(['Concat', 'QuantizeLinear', 'DequantizeLinear', 'Relu']);
    expect(await difference(dropDead(parts('s')), dropDead(result), [50, 2])).toBe(0);
  });

  it('puts none behind parts on different grids', () => {
    expect(ops(quantizeJoined(parts('t')))).toEqual(ops(parts('t')));
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
