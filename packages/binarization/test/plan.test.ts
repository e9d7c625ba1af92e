import { printPlan, traceModel, type PlanCommand } from '@nncf/core';
import { graphBuilder } from '@nncf/testing';
import { availableBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { resnet18, resnet20 } from '@nncf/zoo';
import { beforeAll, describe, expect, it } from 'vitest';
import { binarizedIn, planOf, reasonsIn } from './planning.ts';

beforeAll(() => tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm'));

/** Two convolutions, a depthwise one, a dense layer. */
function mixed(): ReturnType<ReturnType<typeof graphBuilder>['build']> {
  const g = graphBuilder();
  const x = g.input('x', [2, 8, 8, 3]);
  const first = g.conv(x, 'first', { activation: 'Relu' });
  const depthwise = g.conv(first, 'depthwise', { op: 'DepthwiseConv2dNative' });
  const second = g.conv(depthwise, 'second', { filters: 6, norm: true });
  const flat = g.op('Reshape', [second], { shapes: [[2, 384]] });
  return g.build([g.dense(flat, 'dense', 5)]);
}

describe('what is binarized', () => {
  it('is the input and the weight of every 2-D convolution', () => {
    expect(printPlan(planOf(mixed()))).toBe(
      [
        '# 4 operators: 2 on weights, 2 on activations',
        'activation discretize binarization/first/Conv2D_0 | binary, threshold per channel | first/Conv2D_0[0]',
        'weight discretize binarization/first/kernel | binary, scale per filter | first/Conv2D_0[1]',
        'activation discretize binarization/second/Conv2D_0 | binary, threshold per channel | second/Conv2D_0[0]',
        'weight discretize binarization/second/kernel | binary, scale per filter | second/Conv2D_0[1]',
        '',
      ].join('\n'),
    );
    expect(planOf(mixed(), { mode: 'dorefa' }).commands[1]?.description).toBe('binary, one scale');
  });

  it('has no depthwise and no dense layer, and says why', () => {
    const reasons = reasonsIn(mixed());
    expect(Object.keys(reasons)).toEqual(['depthwise', 'dense']);
    expect(reasons['depthwise']).toMatch(/one window of one channel/);
    expect(reasons['dense']).toMatch(/dense layer/);
  });

  it('follows scopes', () => {
    expect(binarizedIn(mixed(), { ignored_scopes: 'first' })).toEqual(['second']);
    expect(binarizedIn(mixed(), { target_scopes: ['{re}^f', 'dense'].slice(0, 1) })).toEqual(['first']);
    expect(reasonsIn(mixed(), { target_scopes: 'first' })['second']).toMatch(/not listed in target_scopes/);
    expect(reasonsIn(mixed(), { ignored_scopes: 'first' })['first']).toMatch(/listed in ignored_scopes/);
  });

  it('refuses a target that is a layer of the wrong kind, and one that is not there', () => {
    expect(() => planOf(mixed(), { target_scopes: ['first', 'dense'] })).toThrow(
      /\/compression\/target_scopes\/1 names dense\/MatMul_0, which cannot be binarized: a dense layer/,
    );
    expect(() => planOf(mixed(), { target_scopes: '{re}depth' })).toThrow(
      expect.objectContaining({ code: 'BINARIZATION_UNSUPPORTED' }) as Error,
    );
    expect(() => planOf(mixed(), { target_scopes: 'frist' })).toThrow(/Did you mean "first"/);
    expect(() => planOf(mixed(), { ignored_scopes: 'no' })).toThrow(expect.objectContaining({ code: 'SCOPE_UNMATCHED' }) as Error);
  });

  it('is for all readers of a shared weight or for none', () => {
    const g = graphBuilder();
    const x = g.input('x', [2, 4, 4, 4]);
    const kernel = g.variable('kernel', [3, 3, 4, 4]);
    const y = g.op('Conv2D', [x, kernel], { scope: 'a' });
    const graph = g.build([g.op('Conv2D', [y, kernel], { scope: 'b' })]);
    expect(planOf(graph).commands.map(({ operator, points }) => [operator, points.length])).toEqual([
      ['binarization/a/Conv2D_0', 1],
      ['binarization/kernel', 2],
      ['binarization/b/Conv2D_0', 1],
    ]);
    const warnings: string[] = [];
    expect(binarizedIn(graph, { ignored_scopes: 'b' }, { warnings })).toEqual([]);
    expect(warnings).toEqual(['/compression: no convolution of the model is binarized.']);
  });

  it('leaves what nothing can be inserted at, weights that are no variables, and channels in front', () => {
    const g = graphBuilder();
    const x = g.input('x', [2, 4, 4, 4]);
    const kernel = (name: string): number => g.variable(name, [3, 3, 4, 4]);
    const hidden = g.op('Conv2D', [x, kernel('k1')], { scope: 'hidden', insertable: false });
    const constant = g.op('Conv2D', [hidden, g.constant([3, 3, 4, 4])], { scope: 'constant' });
    const first = g.op('Conv2D', [constant, kernel('k2')], { scope: 'channels first', attrs: { dataFormat: 'NCHW' } });
    const graph = g.build([g.op('Conv2D', [first, kernel('k3')], { scope: 'left' })]);
    expect(binarizedIn(graph)).toEqual(['left']);
    expect(reasonsIn(graph)).toEqual({
      hidden: 'nothing can be inserted at hidden/Conv2D_0',
      constant: 'its weight is no variable of the model',
      'channels first': 'its data format is channels first',
    });
  });

  it('leaves layers to the algorithms before it, and warns of masks', () => {
    const command = (transform: 'mask' | 'discretize', port: number): PlanCommand => ({
      algorithm: 'other',
      operator: 'other/x',
      target: 'weight',
      transform,
      points: [{ node: 'second/Conv2D_0', port }],
      values: ['second/kernel'],
      description: '',
      spec: {},
    });
    for (const port of [0, 1]) expect(binarizedIn(mixed(), {}, { earlier: [command('discretize', port)] })).toEqual(['first']);
    expect(reasonsIn(mixed(), {}, { earlier: [command('discretize', 1)] })['second']).toMatch(/other, which stands before/);
    const warnings: string[] = [];
    expect(binarizedIn(mixed(), {}, { earlier: [command('mask', 1)], warnings })).toEqual(['first', 'second']);
    expect(warnings[0]).toMatch(/a binary weight is never 0/);
  });

  it('refuses to sum gradients over batches', () => {
    expect(() => planOf(mixed(), { params: { batch_multiplier: 2 } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }) as Error,
    );
    expect(binarizedIn(mixed(), { params: { batch_multiplier: 1 } })).toHaveLength(2);
  });
});

describe('the preset "paper"', () => {
  it('leaves five convolutions of ResNet-18', () => {
    const { graph } = traceModel(resnet18({ stem: 'cifar', width: 0.125, initial: 'zeros' }));
    const { refusals, convolutions } = planOf(graph, { preset: 'paper' });
    expect(refusals.map(({ node, reason }) => [node.scope, reason.replace('the preset "paper" leaves out ', '')])).toEqual([
      ['conv1', 'the first convolution'],
      ['layer2.0.downsample.0', 'convolutions on residual shortcuts'],
      ['layer3.0.downsample.0', 'convolutions on residual shortcuts'],
      ['layer4.0.downsample.0', 'convolutions on residual shortcuts'],
      ['layer4.1.conv2', 'the convolution right before the last layer'],
      ['fc', 'a dense layer loses too much, and no runtime counts bits there'],
    ]);
    expect(convolutions).toHaveLength(15);
  });

  it('leaves the first and the last convolution where shortcuts have no parameters', () => {
    const reasons = reasonsIn(traceModel(resnet20({ width: 0.25, initial: 'zeros' })).graph, { preset: 'paper' });
    expect(Object.keys(reasons).toSorted()).toEqual(['conv1', 'layer3.2.conv2', 'linear']);
  });

  it('knows shortcuts behind a border or a pool, and takes no branch of a bottleneck for one', () => {
    const g = graphBuilder();
    const stem = g.conv(g.input('x', [2, 8, 8, 3]), 'stem', { norm: true, activation: 'Relu' });
    const bottleneck = (x: number, scope: string): number => {
      const inner = g.conv(g.conv(x, `${scope}.a`, { kernel: 1, norm: true, activation: 'Relu' }), `${scope}.b`, { activation: 'Relu' });
      return g.conv(inner, `${scope}.c`, { kernel: 1, norm: true });
    };
    const shortcut = g.conv(g.op('AvgPool', [stem]), 'shortcut', { kernel: 1, norm: true });
    const one = g.op('Relu', [g.op('Add', [bottleneck(stem, 'one'), shortcut])]);
    const two = g.op('Relu', [g.op('Add', [bottleneck(one, 'two'), one])]);
    const graph = g.build([g.dense(g.op('Mean', [two], { shapes: [[2, 4]] }), 'dense', 3)]);
    expect(Object.keys(reasonsIn(graph, { preset: 'paper' }))).toEqual(['stem', 'shortcut', 'two.c', 'dense']);
  });

  it('takes two branches of one length for no shortcut', () => {
    const g = graphBuilder();
    const stem = g.conv(g.input('x', [2, 8, 8, 3]), 'stem');
    const sum = g.op('Add', [g.conv(stem, 'left', { kernel: 1 }), g.conv(stem, 'right')]);
    const graph = g.build([g.dense(g.op('Mean', [g.conv(sum, 'last')], { shapes: [[2, 4]] }), 'dense', 3)]);
    expect(binarizedIn(graph, { preset: 'paper' })).toEqual(['left', 'right']);
  });

  it('takes a last convolution for a dense layer', () => {
    const g = graphBuilder();
    const squeezed = g.conv(g.conv(g.input('x', [2, 8, 8, 3]), 'first'), 'squeeze', { kernel: 1 });
    const expanded = g.op('Concat', [g.conv(squeezed, 'expand1'), g.conv(squeezed, 'expand3')], { shapes: [[2, 8, 8, 8]] });
    const graph = g.build([g.op('Mean', [g.conv(expanded, 'classes', { kernel: 1 })], { shapes: [[2, 4]] })]);
    expect(reasonsIn(graph, { preset: 'paper' })).toEqual({
      first: 'the preset "paper" leaves out the first convolution',
      expand3: 'the preset "paper" leaves out the convolution right before the last layer',
      classes: 'the preset "paper" leaves out the last layer',
    });
  });
});
