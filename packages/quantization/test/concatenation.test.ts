import { graphBuilder, type GraphBuilder, type ValueId } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import { activationsOf, planOf } from './planning.ts';

function image(): { b: GraphBuilder; x: ValueId } {
  const b = graphBuilder();
  return { b, x: b.input('image', [2, 8, 8, 3]) };
}

describe('concatenation', () => {
  const two = (): { b: GraphBuilder; left: ValueId; right: ValueId; joined: ValueId } => {
    const { b, x } = image();
    const stem = b.op('Relu', [x]);
    const [left, right] = [b.op('Relu', [b.conv(stem, 'a')]), b.op('Relu', [b.conv(stem, 'b')])];
    return { b, left, right, joined: b.op('Concat', [left, right], { shapes: [[2, 8, 8, 8]] }) };
  };

  it('puts one quantizer on all its inputs', () => {
    const { b, joined } = two();
    expect(activationsOf(b.build([b.conv(joined, 'head')]))).toEqual([
      'Relu_0:0 @ a/Conv2D_0[0] b/Conv2D_0[0]',
      'Relu_1:0+Relu_2:0 @ Concat_0[0] Concat_0[1]',
    ]);
  });

  it('draws another reader of an input into the shared quantizer', () => {
    const { b, left, joined } = two();
    const graph = b.build([b.conv(joined, 'head'), b.conv(left, 'side')]);
    expect(activationsOf(graph)[1]).toBe('Relu_1:0+Relu_2:0 @ Concat_0[0] side/Conv2D_0[0] Concat_0[1]');
  });

  it('joins the quantizers of concatenations that share an input', () => {
    const { b, left, joined } = two();
    const other = b.op('Relu', [b.conv(joined, 'c')]);
    const second = b.op('Concat', [left, other], { shapes: [[2, 8, 8, 8]] });
    const graph = b.build([b.conv(second, 'head')]);
    expect(activationsOf(graph)[1]).toBe('Relu_1:0+Relu_2:0+Relu_3:0 @ Concat_0[0] Concat_1[0] Concat_0[1] Concat_1[1]');
  });

  it('covers a variable among its inputs', () => {
    const b = graphBuilder();
    const tokens = b.op('Relu', [b.input('tokens', [2, 4, 6])]);
    const joined = b.op('Concat', [b.variable('class_token', [2, 1, 6]), tokens], { shapes: [[2, 5, 6]] });
    const plan = planOf(b.build([b.dense(joined, 'fc', 3)]));
    expect(plan.commands[0]).toMatchObject({
      target: 'activation',
      values: ['class_token', 'Relu_0:0'],
      description: 'int8 symmetric per-tensor unified',
    });
  });

  it('is quantized where a pattern of the user names it, also as PyTorch does', () => {
    const { b, joined } = two();
    const graph = b.build([b.op('Softmax', [joined])]);
    for (const pattern of ['Concat', 'cat', ['cat', 'softmax']]) {
      expect(activationsOf(graph, { quantizable_subgraph_patterns: [pattern] })[1]).toBe('Relu_1:0+Relu_2:0 @ Concat_0[0] Concat_0[1]');
    }
  });

  it('is left alone when nothing behind it is quantized', () => {
    const { b, joined } = two();
    expect(activationsOf(b.build([b.op('Softmax', [joined])]))).toEqual(['Relu_0:0 @ a/Conv2D_0[0] b/Conv2D_0[0]']);
  });

  it('needs no common grid for what is no convolution or product with weights', () => {
    const { b, joined } = two();
    const pooled = b.op('Mean', [joined], { shapes: [[2, 8]] });
    expect(activationsOf(b.build([pooled])).slice(1)).toEqual(['Relu_1:0 @ Concat_0[0]', 'Relu_2:0 @ Concat_0[1]']);
    expect(activationsOf(b.build([b.op('Softmax', [pooled]), b.conv(b.op('MaxPool', [joined]), 'head')]))[1]).toContain(
      'Relu_1:0+Relu_2:0',
    );
  });

  it('passes quantizers on through concatenations in a row', () => {
    const { b, joined } = two();
    const third = b.op('Relu', [b.conv(joined, 'c')]);
    const all = b.op('Concat', [joined, third], { shapes: [[2, 8, 8, 12]] });
    expect(activationsOf(b.build([b.conv(all, 'head')]))[1]).toBe('Relu_1:0+Relu_2:0+Relu_3:0 @ Concat_0[0] Concat_0[1] Concat_1[1]');
  });
});
