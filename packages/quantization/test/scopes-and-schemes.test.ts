import type { ModelGraph, PlanCommand } from '@nncf/core';
import { graphBuilder } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import { activationsOf, descriptionsOf, planOf, quantizersOf } from './planning.ts';

/** conv1 → conv2 → mean → fc, a ReLU after each convolution. */
function chain(): ModelGraph {
  const b = graphBuilder();
  const first = b.conv(b.input('image', [2, 8, 8, 3]), 'encoder/conv1', { activation: 'Relu' });
  const second = b.conv(first, 'encoder/conv2', { activation: 'Relu' });
  const pooled = b.op('Mean', [second], { scope: 'pool', shapes: [[2, 4]] });
  return b.build([b.dense(pooled, 'fc', 5)]);
}

const WEIGHTS = ['encoder/conv1/kernel', 'encoder/conv2/kernel', 'fc/kernel'];
const ACTIVATIONS = ['image', 'encoder/conv1.act/Relu_0:0', 'encoder/conv2.act/Relu_0:0', 'pool/Mean_0:0'];

const weightsOf = (section: object): string[] => names(section, 'weight');
const valuesOf = (section: object): string[] => names(section, 'activation');
function names(section: object, target: PlanCommand['target']): string[] {
  const commands = planOf(chain(), section as never).commands.filter((command) => command.target === target);
  return commands.map(({ values }) => values.join('+'));
}

describe('scopes', () => {
  it('quantizes everything unless told', () => {
    expect(weightsOf({})).toEqual(WEIGHTS);
    expect(valuesOf({})).toEqual(ACTIVATIONS);
  });

  it('ignores a layer by its scope, its address, or a scope around it', () => {
    for (const scope of ['fc', 'fc/MatMul_0', '{re}^f']) {
      expect(weightsOf({ ignored_scopes: [scope] })).toEqual(WEIGHTS.slice(0, 2));
      expect(valuesOf({ ignored_scopes: scope })).toEqual(ACTIVATIONS.slice(0, 3));
    }
    expect(weightsOf({ ignored_scopes: ['encoder'] })).toEqual(['fc/kernel']);
  });

  it('takes only what is targeted', () => {
    expect(quantizersOf(chain(), { target_scopes: ['encoder/conv2'] })).toEqual([
      'encoder/conv1.act/Relu_0:0 @ encoder/conv2/Conv2D_0[0]',
      'w encoder/conv2/kernel @ encoder/conv2/Conv2D_0[1]',
    ]);
  });

  it('excludes weights and activations apart', () => {
    expect(weightsOf({ weights: { ignored_scopes: ['fc'] } })).toEqual(WEIGHTS.slice(0, 2));
    expect(valuesOf({ weights: { ignored_scopes: ['fc'] } })).toEqual(ACTIVATIONS);
    expect(weightsOf({ activations: { target_scopes: ['fc'] } })).toEqual(WEIGHTS);
    expect(valuesOf({ activations: { target_scopes: ['fc'] } })).toEqual(['pool/Mean_0:0']);
  });

  it('stops quantizers at an ignored operation that they would pass', () => {
    const b = graphBuilder();
    const pooled = b.op('MaxPool', [b.input('image', [2, 8, 8, 3])], { scope: 'pool' });
    const graph = b.build([b.conv(pooled, 'conv')]);
    expect(activationsOf(graph)).toEqual(['image @ pool/MaxPool_0[0]']);
    expect(activationsOf(graph, { ignored_scopes: ['pool'] })).toEqual(['pool/MaxPool_0:0 @ conv/Conv2D_0[0]']);
  });

  it('says why something is left out', () => {
    const plan = planOf(chain(), { ignored_scopes: ['fc'], weights: { target_scopes: ['encoder'] } });
    expect(plan.refusals.map(({ node, group, reason }) => [node.name, group, reason])).toEqual([
      ['fc/MatMul_0', 'activations', 'ignored_scopes'],
      ['fc/MatMul_0', 'weights', 'ignored_scopes'],
    ]);
  });

  it.each([
    [{ ignored_scopes: ['conv9'] }, '/compression/ignored_scopes/0'],
    [{ weights: { target_scopes: ['fc', 'conv9'] } }, '/compression/weights/target_scopes/1'],
    [{ scope_overrides: { weights: { 'a/b': {} } } }, '/compression/scope_overrides/weights/a~1b'],
    [{ initializer: { range: [{ ignored_scopes: ['conv9'] }] } }, '/compression/initializer/range/0/ignored_scopes/0'],
    [{ activations: { unified_scale_ops: [['fc'], ['conv9']] } }, '/compression/activations/unified_scale_ops/1/0'],
  ])('refuses an address that matches nothing: %j', (section, pointer) => {
    expect(() => planOf(chain(), section as never)).toThrow(expect.objectContaining({ code: 'SCOPE_UNMATCHED' }) as Error);
    expect(() => planOf(chain(), section as never)).toThrow(`at ${pointer}`);
  });

  it('leaves alone what another algorithm has discretized', () => {
    const point = { node: 'encoder/conv2/Conv2D_0', port: 1 };
    const earlier: PlanCommand = {
      algorithm: 'binarization',
      operator: 'binarization/w',
      target: 'weight',
      transform: 'discretize',
      points: [point],
      values: ['encoder/conv2/kernel'],
      description: '',
      spec: {},
    };
    const plan = planOf(
      chain(),
      {},
      { earlier: [earlier, { ...earlier, operator: 'mask', transform: 'mask', points: [{ ...point, port: 0 }] }] },
    );
    expect(plan.commands.map(({ values }) => values[0])).not.toContain('encoder/conv2/kernel');
    expect(plan.commands.map(({ values }) => values[0])).toContain('encoder/conv1.act/Relu_0:0');
    expect(plan.refusals).toMatchObject([{ reason: 'discretized', by: 'binarization' }]);
  });
});

describe('schemes', () => {
  it('are 8 bits, symmetric, weights per channel, unless told', () => {
    expect(descriptionsOf(chain())).toMatchObject({ image: 'int8 symmetric per-tensor', 'fc/kernel': 'int8 symmetric signed per-channel' });
  });

  it('follow preset, section, pattern and exact override, the later the stronger', () => {
    const section = {
      preset: 'mixed',
      activations: { bits: 6 },
      weights: { per_channel: false, bits: 5 },
      scope_overrides: {
        weights: { 'encoder/conv1': { bits: 3 }, '{re}conv': { bits: 4, mode: 'asymmetric' } },
        activations: { fc: { mode: 'symmetric', signed: false } },
      },
    };
    expect(descriptionsOf(chain(), section)).toEqual({
      image: 'uint6 asymmetric per-tensor',
      'encoder/conv1/kernel': 'uint3 asymmetric per-tensor',
      'encoder/conv1.act/Relu_0:0': 'uint6 asymmetric per-tensor',
      'encoder/conv2/kernel': 'uint4 asymmetric per-tensor',
      'encoder/conv2.act/Relu_0:0': 'uint6 asymmetric per-tensor',
      'pool/Mean_0:0': 'uint6 symmetric unsigned per-tensor',
      'fc/kernel': 'int5 symmetric signed per-tensor',
    });
  });

  it('take overrides for weights and activations alike, as configurations of the time of the paper write them', () => {
    const section = { scope_overrides: { '{re}conv2': { bits: 4 }, weights: { 'encoder/conv2': { bits: 3 } } } };
    expect(descriptionsOf(chain(), section)).toMatchObject({
      image: 'int8 symmetric per-tensor',
      'encoder/conv1.act/Relu_0:0': 'int4 symmetric per-tensor',
      'encoder/conv2/kernel': 'int3 symmetric signed per-channel',
      'fc/kernel': 'int8 symmetric signed per-channel',
    });
    expect(() => planOf(chain(), { scope_overrides: { conv9: {} } })).toThrow(/at \/compression\/scope_overrides\/conv9 matches nothing/u);
  });

  it('keep a scale per channel of activations through a pool, and not through a reshape', () => {
    const b = graphBuilder();
    const pooled = b.op('MaxPool', [b.op('Relu', [b.input('image', [2, 8, 8, 3])])], { shapes: [[2, 4, 4, 3]] });
    const turned = b.op('Reshape', [pooled], { shapes: [[2, 48]] });
    const graph = b.build([b.conv(pooled, 'conv'), b.dense(turned, 'fc', 2)]);
    const plan = planOf(graph, { activations: { per_channel: true } });
    expect(
      plan.commands.filter(({ target }) => target === 'activation').map(({ values, spec }) => [values[0], spec['parameterShape']]),
    ).toEqual([
      ['MaxPool_0:0', [1, 1, 1, 3]],
      ['Reshape_0:0', [1, 48]],
    ]);
  });

  it('protect against overflow: all 8-bit weights, or those of the first convolutions', () => {
    const halved = (section: object, device = 'CPU'): string[] =>
      planOf(chain(), section as never, { device })
        .commands.filter(({ spec }) => spec['halfRange'] === true)
        .map(({ values }) => values[0] ?? '');
    expect(halved({})).toEqual([]);
    expect(halved({ overflow_fix: 'enable' })).toEqual(WEIGHTS);
    expect(halved({ overflow_fix: 'first_layer_only' })).toEqual(['encoder/conv1/kernel']);
    expect(halved({ overflow_fix: 'enable' }, 'GPU')).toEqual([]);
    expect(descriptionsOf(chain(), { overflow_fix: 'enable' })['fc/kernel']).toBe('int8 symmetric signed per-channel half-range');
  });

  it('train the logarithm on request', () => {
    const descriptions = descriptionsOf(chain(), { weights: { logarithm_scale: true } });
    expect(descriptions['fc/kernel']).toBe('int8 symmetric signed per-channel log-scale');
    expect(descriptions['image']).toBe('int8 symmetric per-tensor');
  });
});

describe('manual bit widths', () => {
  const manual = (...pairs: [number, string][]): object => ({ initializer: { precision: { type: 'manual', bitwidth_per_scope: pairs } } });

  it('reach weights, inputs and outputs', () => {
    const section = manual([4, 'encoder/conv2|WEIGHT'], [2, 'fc'], [6, 'encoder/conv1.act|OUTPUT'], [5, 'pool|INPUT0']);
    expect(descriptionsOf(chain(), section as never)).toEqual({
      image: 'int8 symmetric per-tensor',
      'encoder/conv1/kernel': 'int8 symmetric signed per-channel',
      'encoder/conv1.act/Relu_0:0': 'int6 symmetric per-tensor',
      'encoder/conv2/kernel': 'int4 symmetric signed per-channel',
      'encoder/conv2.act/Relu_0:0': 'int5 symmetric per-tensor',
      'pool/Mean_0:0': 'int2 symmetric per-tensor',
      'fc/kernel': 'int2 symmetric signed per-channel',
    });
  });

  it('refuse an address without a quantizer', () => {
    expect(() => planOf(chain(), manual([4, 'conv9|WEIGHT']) as never)).toThrow(/bitwidth_per_scope\/0\/1/u);
  });

  it('are chosen by no "autoq"', () => {
    expect(() => planOf(chain(), { initializer: { precision: { type: 'autoq' } } })).toThrow(
      /\/compression\/initializer\/precision\/type/u,
    );
  });
});

describe('ranges', () => {
  const rangeOf = (value: string, section: object): unknown =>
    planOf(chain(), section as never).commands.find(({ values }) => values[0] === value)?.spec['range'];

  it('have defaults of their own for weights and activations', () => {
    const percentiles = { minPercentile: 0.1, maxPercentile: 99.9 };
    expect(rangeOf('image', {})).toEqual({ type: 'mean_min_max', samples: 256, ...percentiles });
    expect(rangeOf('fc/kernel', {})).toEqual({ type: 'min_max', samples: 256, ...percentiles });
  });

  it('come from the first entry about the quantizer, overrides first', () => {
    const section = {
      initializer: {
        range: [
          { type: 'percentile', target_quantizer_group: 'activations', ignored_scopes: ['fc'], params: { max_percentile: 99 } },
          { type: 'threesigma', num_init_steps: 3 },
        ],
      },
      scope_overrides: { weights: { fc: { initializer: { range: { type: 'mean_percentile' } } } } },
    };
    expect(rangeOf('image', section)).toMatchObject({ type: 'percentile', maxPercentile: 99 });
    expect(rangeOf('pool/Mean_0:0', section)).toMatchObject({ type: 'threesigma', batches: 3 });
    expect(rangeOf('encoder/conv1/kernel', section)).toMatchObject({ type: 'threesigma' });
    expect(rangeOf('fc/kernel', section)).toMatchObject({ type: 'mean_percentile' });
  });
});

describe('devices', () => {
  it('warn about a bit width without an integer version, and name the tensor', () => {
    const warnings: string[] = [];
    planOf(chain(), { scope_overrides: { weights: { fc: { bits: 4 } } } }, { device: 'CPU', warnings });
    expect(warnings).toEqual([
      'fc/kernel has 4 bits, for which CPU has no integer version. Choose another width or "target_device": "ANY".',
    ]);
    for (const device of ['ANY', 'TRIAL', 'NPU']) planOf(chain(), { weights: { bits: 4 } }, { device });
  });

  it('put the inputs of an addition on one grid on an NPU', () => {
    const b = graphBuilder();
    const x = b.input('image', [2, 8, 8, 3]);
    const graph = b.build([b.op('Add', [b.op('Relu', [x]), b.op('Tanh', [x])])]);
    expect(activationsOf(graph, {}, { device: 'NPU' })).toEqual(['Relu_0:0+Tanh_0:0 @ Add_0[0] Add_0[1]']);
    expect(activationsOf(graph, {}, { device: 'CPU' })).toHaveLength(2);
  });

  it('differ in whether copying pixels is free', () => {
    const b = graphBuilder();
    const resized = b.op('ResizeNearestNeighbor', [b.op('Relu', [b.input('image', [2, 4, 4, 3])])], { shapes: [[2, 8, 8, 3]] });
    const graph = b.build([b.conv(resized, 'conv')]);
    expect(activationsOf(graph, {}, { device: 'GPU' })).toEqual(['Relu_0:0 @ ResizeNearestNeighbor_0[0]']);
    expect(activationsOf(graph, {}, { device: 'CPU' })).toHaveLength(2);
  });
});

describe('unified scales on request', () => {
  it('join the inputs of the listed operations', () => {
    const section = { activations: { unified_scale_ops: [['encoder/conv2', 'fc']] } };
    expect(activationsOf(chain(), section)[1]).toBe('encoder/conv1.act/Relu_0:0+pool/Mean_0:0 @ encoder/conv2/Conv2D_0[0] fc/MatMul_0[0]');
  });

  it('may be called by their old name', () => {
    const section = { activations: { linked_quantizer_scopes: [['encoder/conv2', 'fc']] } };
    expect(activationsOf(chain(), section)[1]).toContain('encoder/conv1.act/Relu_0:0+pool/Mean_0:0');
  });

  it('refuse different bit widths under one scale', () => {
    const section = {
      activations: { unified_scale_ops: [['encoder/conv2', 'fc']] },
      scope_overrides: { activations: { fc: { bits: 4 } } },
    };
    expect(() => planOf(chain(), section)).toThrow(/encoder\/conv1.act\/Relu_0:0 and pool\/Mean_0:0 must share one quantizer/u);
  });
});
