import type { ModelGraph } from '@nncf/core';
import { graphBuilder, type GraphBuilder, type ValueId } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import { activationsOf, planOf, quantizersOf } from './planning.ts';

const IMAGE = [2, 8, 8, 4];

interface BlockOptions {
  readonly dense?: boolean;
  readonly reshape?: boolean;
  /** What else reads the squeezed channels. */
  readonly leak?: (b: GraphBuilder, squeezed: ValueId) => ValueId;
}

/** A convolution, a squeeze-and-excite block, a convolution. */
function block({ dense = false, reshape = false, leak }: BlockOptions = {}): ModelGraph {
  const b = graphBuilder();
  const moved = (x: ValueId, shape: number[]): ValueId => (reshape ? b.op('Reshape', [x], { scope: 'se', shapes: [shape] }) : x);
  const layer = (x: ValueId, scope: string): ValueId => (dense ? b.dense(x, scope, 4) : b.conv(x, scope, { kernel: 1, bias: true }));
  const y = b.conv(b.input('image', IMAGE), 'stem', { norm: true, activation: 'Relu6' });
  const mean = b.op('Mean', [y], { scope: 'se.pool', shapes: [reshape || dense ? [2, 4] : [2, 1, 1, 4]] });
  const squeezed = layer(moved(mean, [2, 1, 1, 4]), 'se.reduce');
  const swish = b.op('Multiply', [squeezed, b.op('Sigmoid', [squeezed], { scope: 'se.act' })], { scope: 'se.act' });
  const gate = b.op('Sigmoid', [layer(swish, 'se.expand')], { scope: 'se.gate' });
  const scaled = b.op('Multiply', [y, moved(gate, [2, 1, 1, 4])], { scope: 'se.scale' });
  const head = b.conv(scaled, 'head');
  return b.build(leak === undefined ? [head] : [head, leak(b, squeezed)]);
}

const WHOLE = [
  'image @ stem/Conv2D_0[0]',
  'w stem/kernel @ stem/Conv2D_0[1]',
  'stem.act/Relu6_0:0 @ se.pool/Mean_0[0] se.scale/Multiply_0[0]',
];

describe('squeeze and excite', () => {
  const section = { ignored_patterns: ['se_block'] };

  it('is quantized unless told', () => {
    expect(quantizersOf(block())).toEqual([
      ...WHOLE,
      'se.pool/Mean_0:0 @ se.reduce/Conv2D_0[0]',
      'w se.reduce/kernel @ se.reduce/Conv2D_0[1]',
      'se.act/Multiply_0:0 @ se.expand/Conv2D_0[0]',
      'w se.expand/kernel @ se.expand/Conv2D_0[1]',
      'se.gate/Sigmoid_0:0 @ se.scale/Multiply_0[1]',
      'se.scale/Multiply_0:0 @ head/Conv2D_0[0]',
      'w head/kernel @ head/Conv2D_0[1]',
    ]);
  });

  it.each([{}, { reshape: true }, { dense: true, reshape: true }])(
    'stays in floating point between mean and product on request: %j',
    (options) => {
      const found = quantizersOf(block(options), section);
      expect(found.filter((each) => each.includes('se.reduce') || each.includes('se.expand'))).toEqual([]);
      expect(found.slice(0, 3)).toEqual(WHOLE);
      expect(found).toHaveLength(6);
    },
  );

  it('is named in the refusals', () => {
    const { refusals } = planOf(block(), section as never);
    expect(refusals.map(({ node, group, reason }) => [node.name, group, reason])).toEqual([
      ['se.reduce/Conv2D_0', 'activations', 'se_block'],
      ['se.reduce/Conv2D_0', 'weights', 'se_block'],
      ['se.expand/Conv2D_0', 'activations', 'se_block'],
      ['se.expand/Conv2D_0', 'weights', 'se_block'],
    ]);
  });

  it('is none when something else reads what it computes', () => {
    const leaking = block({ leak: (b, squeezed) => b.op('Tanh', [squeezed]) });
    const warnings: string[] = [];
    expect(quantizersOf(leaking, section, { warnings })).toEqual(quantizersOf(leaking));
    expect(warnings).toEqual([expect.stringContaining('the model has no se_block')]);
  });
});

/** One head of attention with a residual sum and a normalization behind it. */
function attention(): ModelGraph {
  const b = graphBuilder();
  const x = b.input('x', [2, 6, 8]);
  const project = (name: string): ValueId => b.op('Reshape', [b.dense(x, name, 8)], { scope: name, shapes: [[2, 1, 6, 8]] });
  const scores = b.op('MatMul', [project('q'), project('k')], { scope: 'scores', shapes: [[2, 1, 6, 6]], attrs: { transposeB: true } });
  const scaled = b.op('RealDiv', [scores, b.constant([])], { scope: 'scale' });
  const weights = b.op('Softmax', [scaled], { scope: 'softmax' });
  const mixed = b.op('MatMul', [weights, project('v')], { scope: 'mix', shapes: [[2, 1, 6, 8]] });
  const flat = b.op('Reshape', [mixed], { scope: 'join', shapes: [[2, 6, 8]] });
  const sum = b.op('Add', [b.dense(flat, 'out', 8), x], { scope: 'sum' });
  return b.build([b.dense(b.op('Mean', [sum], { scope: 'mean', shapes: [[2, 8]] }), 'head', 3)]);
}

describe('attention', () => {
  const read = (section: object): string[] => activationsOf(attention(), section as never);

  it('is quantized in both products unless told', () => {
    expect(read({})).toContain('softmax/Softmax_0:0 @ mix/MatMul_0[0]');
    expect(read({})).toContain('v/Add_0:0 @ v/Reshape_0[0]');
  });

  it('leaves out the product with the values on request', () => {
    const without = read({ ignored_patterns: ['multihead_attention_output'] });
    expect(without).toEqual(read({}).filter((each) => !each.includes('softmax') && !each.startsWith('v/')));
  });

  it('is quantized in a transformer at its layers and at the product of queries and keys alone', () => {
    expect(quantizersOf(attention(), { model_type: 'transformer' })).toEqual([
      'x @ q/MatMul_0[0] k/MatMul_0[0] v/MatMul_0[0]',
      'w q/kernel @ q/MatMul_0[1]',
      'q/Add_0:0 @ q/Reshape_0[0]',
      'w k/kernel @ k/MatMul_0[1]',
      'k/Add_0:0 @ k/Reshape_0[0]',
      'w v/kernel @ v/MatMul_0[1]',
      'mix/MatMul_0:0 @ join/Reshape_0[0]',
      'w out/kernel @ out/MatMul_0[1]',
      'mean/Mean_0:0 @ head/MatMul_0[0]',
      'w head/kernel @ head/MatMul_0[1]',
    ]);
    const { refusals } = planOf(attention(), { model_type: 'transformer' });
    expect(new Set(refusals.map(({ node, reason }) => `${node.name} ${reason}`))).toEqual(
      new Set(['mix/MatMul_0 multihead_attention_output', 'sum/Add_0 transformer', 'mean/Mean_0 transformer']),
    );
  });
});
