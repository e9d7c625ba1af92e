import type { ModelGraph } from '@nncf/core';
import { graphBuilder } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import type { Demand } from '../src/placement/demand.ts';
import { mergeDemands, PROPAGATION_RULES, type PropagationRule } from '../src/placement/merge.ts';
import { activationsOf, planOf } from './planning.ts';

const SCHEME: Demand['scheme'] = {
  mode: 'symmetric',
  bits: 8,
  perChannel: false,
  narrowRange: false,
  halfRange: false,
  logarithmScale: false,
};

/** A wish for one of these widths. */
function wish(bits: readonly number[], scheme: Partial<Demand['scheme']> = {}): Demand {
  const own = { ...SCHEME, bits: bits[0] ?? 8, ...scheme };
  return { scheme: own, bits, supported: undefined, axes: own.perChannel ? [3] : [], group: 'activations', unify: 0, isUnified: false };
}

/** Width of the common quantizer, and which readers have their own behind it. */
function outcome(rule: PropagationRule, ...demands: Demand[]): [bits: readonly number[], requantized: readonly boolean[]] | undefined {
  const merge = mergeDemands(rule, demands);
  return merge === undefined ? undefined : [merge.demand.bits, merge.requantized];
}

describe('one quantizer for several readers', () => {
  const [apart, same, requantize, one] = PROPAGATION_RULES;

  it('is the only reader’s own, whatever the rule', () => {
    for (const rule of PROPAGATION_RULES) expect(outcome(rule, wish([4]))).toEqual([[4], [false]]);
  });

  it('is never there when branches do not merge', () => {
    expect(outcome(apart, wish([8]), wish([8]))).toBeUndefined();
  });

  it.each<[what: string, readers: Demand[], strict: unknown, second: unknown, third: unknown]>([
    [
      'equal wishes',
      [wish([8, 4]), wish([8, 4])],
      [
        [8, 4],
        [false, false],
      ],
      [
        [8, 4],
        [false, false],
      ],
      [
        [8, 4],
        [false, false],
      ],
    ],
    ['one width in common', [wish([8, 4]), wish([8])], undefined, [[8], [false, false]], [[8], [false, false]]],
    ['one reader that wants less', [wish([8]), wish([4])], undefined, [[8], [false, true]], undefined],
    ['three readers, two alike', [wish([4]), wish([8]), wish([4])], undefined, [[8], [true, false, true]], undefined],
    ['the coarser width first', [wish([8, 4]), wish([4])], undefined, [[4], [false, false]], [[4], [false, false]]],
    ['scales per channel', [wish([8]), wish([8], { perChannel: true })], undefined, [[8], [false, true]], undefined],
    ['other modes', [wish([8]), wish([8], { mode: 'asymmetric' })], undefined, [[8], [true, false]], undefined],
    ['nothing in common, in either order', [wish([8]), wish([4], { mode: 'asymmetric' })], undefined, undefined, undefined],
    ['a sign that is free behind one that is not', [wish([8], { signed: true }), wish([4])], undefined, undefined, undefined],
    ['a sign behind a free one', [wish([8]), wish([4], { signed: true })], undefined, [[8], [false, true]], undefined],
  ])('%s', (_, readers, strict, second, third) => {
    expect(outcome(same, ...readers)).toEqual(strict);
    expect(outcome(requantize, ...readers)).toEqual(second);
    expect(outcome(one, ...readers)).toEqual(third);
  });

  it('of weights is one however many read them', () => {
    const weights: Demand = { ...wish([8]), group: 'weights' };
    expect(outcome(apart, weights, weights)).toEqual([[8], [false, false]]);
  });
});

/** A ReLU, pooled, whose result two convolutions and a further pool with a convolution behind it read. */
function fork(): ModelGraph {
  const b = graphBuilder();
  const pooled = b.op('MaxPool', [b.op('Relu', [b.input('image', [2, 8, 8, 3])])], { scope: 'pool' });
  const deep = b.conv(b.op('MaxPool', [pooled], { scope: 'again' }), 'c');
  return b.build([b.conv(pooled, 'a'), b.conv(pooled, 'b'), deep]);
}

const fourBits = (...scopes: string[]): object => ({
  scope_overrides: { activations: Object.fromEntries(scopes.map((scope) => [scope, { bits: 4 }])) },
});

/** Activation quantizers with their widths. */
function quantizers(rule: PropagationRule, section: object = {}, device = 'ANY'): string[] {
  const plan = planOf(fork(), { ...section, quantizer_propagation_rule: rule }, { device });
  const commands = plan.commands.filter(({ target }) => target === 'activation');
  return commands.map(({ spec, points }) => {
    const places = points.map(({ node, port, side }) => `${node}[${side === 'result' ? '>' : ''}${port}]`);
    return `${String(spec['bits'])} @ ${places.join(' ')}`;
  });
}

describe('merging at branches', () => {
  const above = '8 @ pool/MaxPool_0[0]';

  it('puts one quantizer above all of equal wishes, or one at every reader', () => {
    for (const rule of PROPAGATION_RULES.slice(1)) expect(quantizers(rule)).toEqual([above]);
    expect(quantizers('DO_NOT_MERGE_BRANCHES')).toEqual(['8 @ again/MaxPool_0[0]', '8 @ a/Conv2D_0[0]', '8 @ b/Conv2D_0[0]']);
  });

  it('keeps different widths apart, or rounds once more where less is wanted', () => {
    const section = fourBits('b', 'c');
    const separate = ['4 @ again/MaxPool_0[0] b/Conv2D_0[0]', '8 @ a/Conv2D_0[0]'];
    for (const rule of ['MERGE_IF_ALL_BRANCHES_SAME', 'MERGE_ALL_IN_ONE'] as const) expect(quantizers(rule, section)).toEqual(separate);
    expect(quantizers('MERGE_WITH_POTENTIAL_REQUANTIZATION', section)).toEqual([above, '4 @ again/MaxPool_0[0]', '4 @ b/Conv2D_0[0]']);
  });

  it('takes the width that all readers can do with, where the device leaves a choice', () => {
    expect(quantizers('MERGE_ALL_IN_ONE', fourBits('b'), 'NPU')).toEqual(['4 @ pool/MaxPool_0[0]']);
    expect(quantizers('MERGE_IF_ALL_BRANCHES_SAME', fourBits('b'), 'NPU')).toEqual([
      '8 @ again/MaxPool_0[0] a/Conv2D_0[0]',
      '4 @ b/Conv2D_0[0]',
    ]);
  });

  it('rounds at the result where the readers read one value', () => {
    const b = graphBuilder();
    const y = b.op('Relu', [b.input('image', [2, 8, 8, 3])]);
    const section = { quantizer_propagation_rule: 'MERGE_WITH_POTENTIAL_REQUANTIZATION', ...fourBits('b') };
    const graph = b.build([b.conv(y, 'a'), b.conv(y, 'b')]);
    expect(activationsOf(graph, section)).toEqual(['Relu_0:0 @ b/Conv2D_0[0]', 'Relu_0:0 @ Relu_0[>0]'].toReversed());
  });

  it('reads an input of the model at every reader: nothing can be inserted where it is made', () => {
    const b = graphBuilder();
    const x = b.input('image', [2, 8, 8, 3]);
    const section = { quantizer_propagation_rule: 'MERGE_WITH_POTENTIAL_REQUANTIZATION', ...fourBits('b') };
    const graph = b.build([b.conv(x, 'a'), b.conv(x, 'b')]);
    expect(activationsOf(graph, section)).toEqual(['image @ a/Conv2D_0[0]', 'image @ b/Conv2D_0[0]']);
  });

  it('drops a second rounding to the same width', () => {
    const precision = { type: 'manual', bitwidth_per_scope: [[8, '{re}^b|INPUT']] };
    const section = { ...fourBits('b'), initializer: { precision } };
    expect(quantizers('MERGE_WITH_POTENTIAL_REQUANTIZATION', section)).toEqual([above]);
  });
});
