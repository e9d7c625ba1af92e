import type { ModelGraph } from '@nncf/core';
import { graphBuilder, type GraphBuilder, type ValueId } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import { activationsOf, descriptionsOf, planOf, quantizersOf } from './planning.ts';

const IMAGE = [2, 8, 8, 3];

function image(): { b: GraphBuilder; x: ValueId } {
  const b = graphBuilder();
  return { b, x: b.input('image', IMAGE) };
}

describe('one operation after the other', () => {
  it('quantizes what a convolution reads, and nothing between it and its activation', () => {
    const { b, x } = image();
    const y = b.conv(x, 'a', { bias: true, norm: true, activation: 'Relu' });
    expect(quantizersOf(b.build([y]))).toEqual(['image @ a/Conv2D_0[0]', 'w a/kernel @ a/Conv2D_0[1]']);
  });

  it('quantizes between two layers at the second', () => {
    const { b, x } = image();
    const y = b.dense(b.op('Mean', [b.conv(x, 'a', { activation: 'Relu6' })], { scope: 'pool', shapes: [[2, 4]] }), 'fc', 5);
    expect(quantizersOf(b.build([y]))).toEqual([
      'image @ a/Conv2D_0[0]',
      'w a/kernel @ a/Conv2D_0[1]',
      'a.act/Relu6_0:0 @ pool/Mean_0[0]',
      'pool/Mean_0:0 @ fc/MatMul_0[0]',
      'w fc/kernel @ fc/MatMul_0[1]',
    ]);
  });

  it('leaves operations in floating point whose integer version nobody has', () => {
    const { b, x } = image();
    const y = b.op('Softmax', [b.op('Relu', [x])]);
    const warnings: string[] = [];
    expect(quantizersOf(b.build([y]), {}, { warnings })).toEqual([]);
    expect(warnings).toEqual(['/compression: no operation of the model is quantized.']);
  });

  it('leaves scaling and shifting by constants alone', () => {
    const { b, x } = image();
    const scaled = b.op('Add', [b.op('Multiply', [x, b.constant([])]), b.constant([3])]);
    expect(activationsOf(b.build([b.conv(scaled, 'a')]))).toEqual(['Add_0:0 @ a/Conv2D_0[0]']);
  });
});

describe('agnostic operations', () => {
  it('are passed: pool, pad, reshape, transpose, slice', () => {
    const { b, x } = image();
    let y = b.op('MaxPool', [b.op('Relu', [x])], { shapes: [[2, 4, 4, 3]] });
    y = b.op('PadV2', [y], { shapes: [[2, 6, 6, 3]] });
    y = b.op('Transpose', [y], { shapes: [[2, 6, 6, 3]], attrs: { perm: [0, 2, 1, 3] } });
    y = b.op('StridedSlice', [y], { shapes: [[2, 3, 6, 3]] });
    y = b.op('Reshape', [y], { shapes: [[2, 54]] });
    expect(activationsOf(b.build([b.dense(y, 'fc', 2)]))).toEqual(['Relu_0:0 @ MaxPool_0[0]']);
  });

  it('are not passed when a branch behind them wants floating point', () => {
    const { b, x } = image();
    const pooled = b.op('MaxPool', [b.op('Relu', [x])]);
    const y = b.conv(pooled, 'a');
    expect(activationsOf(b.build([y, b.op('Softmax', [pooled])]))).toEqual(['MaxPool_0:0 @ a/Conv2D_0[0]']);
  });

  it('are not passed when their result is an output of the model', () => {
    const { b, x } = image();
    const pooled = b.op('MaxPool', [b.op('Relu', [x])]);
    expect(activationsOf(b.build([b.conv(pooled, 'a'), pooled]))).toEqual(['MaxPool_0:0 @ a/Conv2D_0[0]']);
  });

  it('let a split be quantized once above when all parts want the same', () => {
    const { b, x } = image();
    const [left, right] = b.split('SplitV', b.op('Relu', [x]), 2, {
      shapes: [
        [2, 8, 8, 1],
        [2, 8, 8, 2],
      ],
    }) as [ValueId, ValueId];
    const y = b.op('Add', [b.op('Relu', [b.conv(left, 'a')]), b.op('Relu', [b.conv(right, 'b')])]);
    expect(activationsOf(b.build([y]))).toEqual(['Relu_0:0 @ SplitV_0[0]', 'Relu_1:0 @ Add_0[0]', 'Relu_2:0 @ Add_0[1]']);
  });

  it('keep the quantizers of a split apart when the parts want different ones', () => {
    const { b, x } = image();
    const [left, right] = b.split('SplitV', b.op('Relu', [x]), 2) as [ValueId, ValueId];
    const graph = b.build([b.conv(left, 'a'), b.op('Softmax', [right])]);
    expect(activationsOf(graph)).toEqual(['SplitV_0:0 @ a/Conv2D_0[0]']);
  });
});

describe('branches', () => {
  it('share one quantizer per tensor', () => {
    const { b, x } = image();
    const stem = b.op('Relu', [x]);
    const y = b.op('Add', [b.conv(stem, 'a', { filters: 3, norm: true }), stem]);
    expect(activationsOf(b.build([b.conv(y, 'head')]))).toEqual([
      'Relu_0:0 @ a/Conv2D_0[0] Add_0[1]',
      'a.bn/FusedBatchNorm_0:0 @ Add_0[0]',
      'Add_0:0 @ head/Conv2D_0[0]',
    ]);
  });

  it('meet above agnostic operations when both sides agree', () => {
    const { b, x } = image();
    const stem = b.op('Relu', [x]);
    const pooled = b.op('MaxPool', [stem]);
    const y = b.op('Add', [b.op('Relu', [b.conv(pooled, 'a', { filters: 3 })]), pooled]);
    expect(activationsOf(b.build([y]))).toEqual(['Relu_0:0 @ MaxPool_0[0]', 'Relu_1:0 @ Add_0[0]']);
  });

  it('keep apart what wants different bit widths', () => {
    const { b, x } = image();
    const pooled = b.op('MaxPool', [b.op('Relu', [x])]);
    const graph = b.build([b.conv(pooled, 'a'), b.conv(pooled, 'b')]);
    const commands = planOf(graph, { scope_overrides: { activations: { b: { bits: 4 } } } }).commands.filter(
      ({ target }) => target === 'activation',
    );
    expect(commands.map(({ operator, description }) => [operator, description])).toEqual([
      ['quantization/MaxPool_0:0', 'int8 symmetric per-tensor'],
      ['quantization/MaxPool_0:0@b/Conv2D_0[0]', 'int4 symmetric per-tensor'],
    ]);
  });

  it('quantize only the readers that want it', () => {
    const { b, x } = image();
    const stem = b.op('Relu', [x]);
    const graph = b.build([b.conv(stem, 'a'), b.conv(stem, 'b'), b.op('Sigmoid', [stem])]);
    expect(activationsOf(graph)).toEqual(['Relu_0:0 @ a/Conv2D_0[0] b/Conv2D_0[0]']);
  });
});

describe('fused operations', () => {
  it('take an addition directly after a convolution, once', () => {
    const { b, x } = image();
    const y = b.op('Add', [b.conv(x, 'a', { bias: true }), b.conv(x, 'b', { bias: true })]);
    expect(activationsOf(b.build([y]))).toEqual(['image @ a/Conv2D_0[0] b/Conv2D_0[0]', 'b/Add_0:0 @ Add_0[1]']);
  });

  it('do not take an addition after a convolution that others read too', () => {
    const { b, x } = image();
    const y = b.conv(x, 'a');
    const sum = b.op('Add', [y, b.op('Relu', [x])]);
    expect(activationsOf(b.build([sum, b.op('Softmax', [y])]))).toContain('a/Conv2D_0:0 @ Add_0[0]');
  });

  it('hold the whole of x · sigmoid(x) and of hard swish', () => {
    const { b, x } = image();
    const y = b.conv(x, 'a');
    const swish = b.op('Multiply', [y, b.op('Sigmoid', [y])]);
    const z = b.conv(swish, 'b');
    const gate = b.op('Multiply', [b.op('Relu6', [b.op('Add', [z, b.constant([])])]), b.constant([])]);
    const hard = b.op('Multiply', [z, gate]);
    expect(activationsOf(b.build([b.conv(hard, 'c')]))).toEqual([
      'image @ a/Conv2D_0[0]',
      'Multiply_0:0 @ b/Conv2D_0[0]',
      'Multiply_2:0 @ c/Conv2D_0[0]',
    ]);
  });

  it('hold the whole of GELU, by the error function and by tanh', () => {
    const { b, x } = image();
    const y = b.op('Reshape', [b.op('AvgPool', [x])]);
    const erf = b.op('Add', [b.constant([]), b.op('Erf', [b.op('Multiply', [y, b.constant([])])])]);
    const z = b.op('Relu', [b.op('Multiply', [b.op('Multiply', [y, b.constant([])]), erf])]);
    const cube = b.op('Multiply', [b.op('Pow', [z, b.constant([])]), b.constant([])]);
    const tanh = b.op('Add', [b.op('Tanh', [b.op('Multiply', [b.op('Add', [z, cube]), b.constant([])])]), b.constant([])]);
    const result = b.op('Multiply', [b.op('Multiply', [b.constant([]), z]), tanh]);
    expect(activationsOf(b.build([b.conv(result, 'a')]))).toEqual(['image @ AvgPool_0[0]', 'Multiply_6:0 @ a/Conv2D_0[0]']);
  });

  it('do not hold a gate that has weights: squeeze and excite', () => {
    const { b, x } = image();
    const y = b.op('Relu', [x]);
    const squeezed = b.op('Mean', [y], { shapes: [[2, 1, 1, 3]] });
    const gate = b.op('Sigmoid', [b.conv(squeezed, 'se', { filters: 3, kernel: 1 })]);
    expect(activationsOf(b.build([b.op('Multiply', [y, gate])]))).toEqual([
      'Relu_0:0 @ Mean_0[0] Multiply_0[0]',
      'Mean_0:0 @ se/Conv2D_0[0]',
      'Sigmoid_0:0 @ Multiply_0[1]',
    ]);
  });

  it('let a user say what counts as one operation', () => {
    const { b, x } = image();
    const y = b.op('Add', [b.op('Relu', [x]), b.op('Tanh', [x])]);
    const graph = b.build([b.conv(y, 'a')]);
    expect(activationsOf(graph, { quantizable_subgraph_patterns: [['Tanh', 'Add']] })).toEqual([
      'image @ Tanh_0[0]',
      'Relu_0:0 @ Add_0[0]',
      'Add_0:0 @ a/Conv2D_0[0]',
    ]);
    const warnings: string[] = [];
    activationsOf(graph, { quantizable_subgraph_patterns: [['Add', 'Erf']] }, { warnings });
    expect(warnings[0]).toContain('/compression/quantizable_subgraph_patterns/0: the model has no Add → Erf');
  });
});

describe('batch normalization on its own', () => {
  it('is quantized above a concatenation and where its input is made: training has other operations in its place', () => {
    const { b, x } = image();
    const statistics = ['mean', 'variance', 'beta', 'gamma'].map((name) => b.variable(`bn/${name}`, [6]));
    const joined = b.op('Concat', [b.op('Relu', [x]), b.op('Tanh', [x])], { shapes: [[2, 8, 8, 6]] });
    const y = b.op('FusedBatchNorm', [joined, ...statistics], { scope: 'bn' });
    expect(activationsOf(b.build([b.conv(b.op('Relu', [y]), 'a')]))).toEqual([
      'Relu_0:0 @ Concat_0[0]',
      'Tanh_0:0 @ Concat_0[1]',
      'Relu_1:0 @ a/Conv2D_0[0]',
    ]);
    const { b: c, x: input } = image();
    const pooled = c.op('AvgPool', [input]);
    const alone = c.op('FusedBatchNorm', [pooled, ...['mean', 'variance', 'beta', 'gamma'].map((name) => c.variable(name, [3]))], {
      scope: 'bn',
    });
    expect(activationsOf(c.build([alone]))).toEqual(['image @ AvgPool_0[0]', 'AvgPool_0:0 @ AvgPool_0[>0]']);
    const seen = c.op('Softmax', [pooled]);
    expect(activationsOf(c.build([alone, seen]))).toEqual(['image @ AvgPool_0[0]']);
  });
});

describe('weights', () => {
  it('of a shared layer have one quantizer', () => {
    const { b, x } = image();
    const kernel = b.variable('shared/kernel', [3, 3, 3, 3]);
    const conv = (input: ValueId, scope: string): ValueId => b.op('Conv2D', [input, kernel], { scope });
    const graph = b.build([conv(b.op('Relu', [conv(x, 'shared')]), 'shared#1')]);
    expect(quantizersOf(graph)).toEqual([
      'image @ shared/Conv2D_0[0]',
      'w shared/kernel @ shared/Conv2D_0[1] shared#1/Conv2D_0[1]',
      'Relu_0:0 @ shared#1/Conv2D_0[0]',
    ]);
  });

  const shapeOf = (b: GraphBuilder, output: ValueId, section = {}): unknown =>
    planOf(b.build([output]), section).commands.find(({ target }) => target === 'weight')?.spec['parameterShape'];

  it('have one scale per output channel, whatever the layout', () => {
    const { b, x } = image();
    expect(shapeOf(b, b.conv(x, 'a', { filters: 5 }))).toEqual([1, 1, 1, 5]);
    const { b: c, x: y } = image();
    expect(shapeOf(c, c.conv(y, 'a', { op: 'DepthwiseConv2dNative' }))).toEqual([1, 1, 3, 1]);
    const { b: d, x: z } = image();
    const transposed = d.op('Conv2DBackpropInput', [z, d.variable('k', [2, 2, 7, 3])], { shapes: [[2, 16, 16, 7]] });
    expect(shapeOf(d, transposed)).toEqual([1, 1, 7, 1]);
  });

  it('of a product follow its transposition', () => {
    const product = (attrs: Record<string, boolean>): unknown => {
      const b = graphBuilder();
      const y = b.op('MatMul', [b.input('x', [2, 6]), b.variable('k', [6, 6])], { attrs });
      return shapeOf(b, y);
    };
    expect(product({ transposeB: false })).toEqual([1, 6]);
    expect(product({ transposeB: true })).toEqual([6, 1]);
  });

  it('are quantized as the variable stands, behind reshapes and transpositions', () => {
    const b = graphBuilder();
    const x = b.input('x', [2, 1, 9, 3]);
    const kernel = b.variable('conv1d/kernel', [5, 3, 4]);
    const y = b.op('Conv2D', [x, b.op('Reshape', [kernel], { shapes: [[1, 5, 3, 4]] })], { shapes: [[2, 1, 9, 4]] });
    expect(shapeOf(b, y)).toEqual([1, 1, 4]);
    const c = graphBuilder();
    const turned = c.op('Transpose', [c.variable('w', [4, 6])], { shapes: [[6, 4]], attrs: { perm: [1, 0] } });
    expect(shapeOf(c, c.op('MatMul', [c.input('x', [2, 6]), turned], { shapes: [[2, 4]] }))).toEqual([4, 1]);
  });

  it('fall back to one scale where channels do not survive the way', () => {
    const b = graphBuilder();
    const folded = b.op('Reshape', [b.variable('w', [2, 3, 4])], { shapes: [[4, 6]] });
    const graph = b.build([b.op('MatMul', [b.input('x', [2, 4]), folded], { shapes: [[2, 6]] })]);
    expect(descriptionsOf(graph)['w']).toBe('int8 symmetric signed per-tensor');
  });

  it('that are no variable are reported', () => {
    const { b, x } = image();
    const plan = planOf(b.build([b.op('Conv2D', [x, b.constant([1, 1, 3, 3])], { scope: 'fixed' })]));
    expect(plan.commands.map(({ values }) => values)).toEqual([['image']]);
    expect(plan.refusals.map(({ node, reason }) => [node.name, reason])).toEqual([['fixed/Conv2D_0', 'constant']]);
  });

  it('in a table of embeddings are quantized in the table', () => {
    const whole = ({ values, ...graph }: ModelGraph): ModelGraph => ({
      ...graph,
      values: values.map((value) => (value.name === 'ids' ? { ...value, dtype: 'int32' } : value)),
    });
    const read = (reader: (b: GraphBuilder, looked: ValueId) => ValueId[]): ModelGraph => {
      const b = graphBuilder();
      const operands = [b.variable('embedding/table', [50, 6]), b.input('ids', [2, 4])];
      const looked = b.op('GatherV2', operands, { scope: 'embedding', shapes: [[2, 4, 6]] });
      return whole(b.build(reader(b, looked)));
    };
    const table = 'w embedding/table @ embedding/GatherV2_0[0]';
    const toDense = read((b, looked) => [b.dense(looked, 'fc', 3)]);
    expect(quantizersOf(toDense)).toEqual([table, 'w fc/kernel @ fc/MatMul_0[1]']);
    expect(quantizersOf(read((b, looked) => [b.dense(looked, 'fc', 3), b.op('Softmax', [looked])]))).toEqual(quantizersOf(toDense));
    expect(quantizersOf(read((b, looked) => [b.op('Softmax', [looked])]))).toEqual([table]);
    expect(quantizersOf(toDense, { ignored_scopes: ['embedding'] })[0]).toBe('embedding/GatherV2_0:0 @ fc/MatMul_0[0]');
  });
});

describe('places without an operand', () => {
  it('are named in a warning and left in floating point', () => {
    const { b, x } = image();
    const y = b.op('Conv2D', [x, b.variable('k', [1, 1, 3, 3])], { scope: 'hidden', insertable: false });
    const warnings: string[] = [];
    const plan = planOf(b.build([b.conv(b.op('Relu', [y]), 'a')]), {}, { warnings });
    expect(plan.commands.map(({ values }) => values[0])).toEqual(['Relu_0:0', 'a/kernel']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('hidden/Conv2D_0');
    expect(plan.uninsertable.map(({ port }) => port)).toEqual([0, 1]);
  });

  it('do not matter when the quantizer rises above them', () => {
    const { b, x } = image();
    const reshaped = b.op('Reshape', [b.op('MaxPool', [x])], { shapes: [[2, 192]], insertable: false });
    expect(activationsOf(b.build([b.dense(reshaped, 'fc', 2)]))).toEqual(['image @ MaxPool_0[0]']);
  });
});

describe('inputs and outputs of the model', () => {
  it('leaves inputs alone on request', () => {
    const { b, x } = image();
    const graph = b.build([b.conv(b.op('Relu', [b.conv(b.op('PadV2', [x]), 'a')]), 'b')]);
    expect(activationsOf(graph, { quantize_inputs: false })).toEqual(['Relu_0:0 @ b/Conv2D_0[0]']);
  });

  it('quantizes an output that an agnostic operation ends', () => {
    const { b, x } = image();
    const y = b.op('Reshape', [b.op('Relu', [b.conv(x, 'a')])], { shapes: [[2, 256]] });
    expect(activationsOf(b.build([y]), { quantize_outputs: true })).toEqual(['image @ a/Conv2D_0[0]', 'Relu_0:0 @ Reshape_0[0]']);
  });

  it('quantizes an output where it is made, for those who read it inside too', () => {
    const { b, x } = image();
    const y = b.op('Relu', [b.conv(x, 'a')]);
    const graph = b.build([b.op('Softmax', [b.conv(y, 'b')]), y]);
    const section = { quantize_outputs: true };
    expect(activationsOf(graph, section)).toEqual(['image @ a/Conv2D_0[0]', 'Relu_0:0 @ Relu_0[>0]', 'Softmax_0:0 @ Softmax_0[>0]']);
    expect(activationsOf(graph)).toEqual(['image @ a/Conv2D_0[0]', 'Relu_0:0 @ b/Conv2D_0[0]']);
  });

  it('refuses to quantize an output at which nothing can be inserted', () => {
    const { b, x } = image();
    const graph = b.build([b.op('Relu', [b.conv(x, 'a')], { insertable: false })]);
    expect(() => planOf(graph, { quantize_outputs: true })).toThrow(/\/compression\/quantize_outputs: .* result of Relu_0/u);
  });
});
