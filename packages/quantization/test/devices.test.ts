import type { ModelGraph } from '@nncf/core';
import { graphBuilder, type GraphBuilder, type ValueId } from '@nncf/testing';
import { describe, expect, it } from 'vitest';
import { devicePreset, infoOn, widthsOn } from '../src/placement/devices.ts';
import { operationInfo } from '../src/placement/operations.ts';
import { activationsOf, descriptionsOf } from './planning.ts';

const NAMES = ['ANY', 'CPU', 'CPU_SPR', 'GPU', 'NPU', 'VPU', 'TRIAL', 'NONE'];

describe('presets of devices', () => {
  it('are known by name; others compute like any', () => {
    expect(NAMES.map((name) => devicePreset(name).name)).toEqual(NAMES);
    expect(devicePreset('ABACUS')).toBe(devicePreset('ANY'));
  });

  it.each(NAMES)('%s speaks of operations that are known, and prefers 8 bits', (name) => {
    const { operations, unifiedScales, weightBits, activationBits } = devicePreset(name);
    const named = [...Object.keys(operations), ...unifiedScales];
    expect(named.filter((op) => operationInfo(op).trait === 'floating')).toEqual([]);
    expect(unifiedScales).toContain('Concat');
    const lists = [weightBits, activationBits, ...Object.values(operations).flatMap((row) => [row.weightBits, row.activationBits])];
    expect(lists.filter((list) => list !== undefined && list[0] !== 8)).toEqual([]);
  });

  it('say what is different for an operation', () => {
    const npu = devicePreset('NPU');
    expect(widthsOn(npu, 'Conv2D', 'activations')).toEqual([8, 16, 4]);
    expect(widthsOn(npu, 'DepthwiseConv2dNative', 'activations')).toEqual([8, 16]);
    expect(widthsOn(npu, 'DepthwiseConv2dNative', 'weights')).toEqual([8, 16, 4, 2]);
    expect(widthsOn(devicePreset('ANY'), 'Conv2D', 'weights')).toBeUndefined();
    expect(infoOn(npu, 'ResizeNearestNeighbor')).toMatchObject({ trait: 'agnostic', keepsChannels: true });
    expect(infoOn(devicePreset('CPU'), 'ResizeNearestNeighbor').trait).toBe('quantizable');
  });
});

describe('widths of tensors on one grid', () => {
  /** Two activations, concatenated in front of a convolution; `reader` reads the first as well. */
  const joined = (reader: (b: GraphBuilder, left: ValueId) => ValueId): ModelGraph => {
    const b = graphBuilder();
    const x = b.input('image', [2, 8, 8, 4]);
    const [left, right] = [b.op('Relu', [x]), b.op('Tanh', [x])];
    const both = b.op('Concat', [left, right], { shapes: [[2, 8, 8, 8]] });
    return b.build([b.conv(both, 'head'), reader(b, left)]);
  };

  it('are those that all of them can have', () => {
    const graph = joined((b, left) => b.conv(left, 'side', { op: 'DepthwiseConv2dNative' }));
    const section = { scope_overrides: { activations: { side: { bits: 16 } } } };
    expect(descriptionsOf(graph, section, { device: 'NPU' })['Relu_0:0+Tanh_0:0']).toBe('int16 symmetric per-tensor unified');
    expect(descriptionsOf(graph, {}, { device: 'NPU' })['Relu_0:0+Tanh_0:0']).toBe('int8 symmetric per-tensor unified');
  });

  it('stay apart from a reader that can have none of them', () => {
    const graph = joined((b, left) => b.conv(left, 'side'));
    const section = { scope_overrides: { activations: { side: { bits: 4 } } } };
    expect(activationsOf(graph, section, { device: 'ANY' }).slice(0, 2)).toEqual([
      'Relu_0:0+Tanh_0:0 @ Concat_0[0] Concat_0[1]',
      'Relu_0:0 @ side/Conv2D_0[0]',
    ]);
  });
});
