import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { arrangeParameter, arrangeTensor } from '../src/layout/arrangement.ts';
import { layoutSteps } from '../src/layout/convert-layout.ts';
import { channelsFirst, completeLayout, plainLayout } from '../src/layout/layout.ts';
import { planReshape } from '../src/layout/reshape-layout.ts';
import { transposeData } from '../src/layout/transpose-data.ts';
import { windowOutput, windowPadding } from '../src/layout/window.ts';
import { useCpu } from './support/cpu.ts';
import { exported, largestDifference, operations, runOnnx } from './support/export-case.ts';
import { randomizeWeights } from './support/random-model.ts';

beforeAll(useCpu);

describe('layouts', () => {
  it('put the channels behind the batch', () => {
    expect(channelsFirst(4)).toEqual([0, 3, 1, 2]);
    expect(channelsFirst(3)).toEqual([0, 2, 1]);
    expect(channelsFirst(2)).toEqual([0, 1]);
  });

  it('are completed at the place that the plain or the channels-first layout has', () => {
    expect(completeLayout([0, 3], [1, 2], 4)).toEqual([0, 1, 2, 3]);
    expect(completeLayout([0, 3], [1, 2], 4, channelsFirst(4))).toEqual([0, 3, 1, 2]);
    expect(completeLayout([0, 3, 1], [2], 4)).toEqual([0, 3, 1, 2]);
    expect(completeLayout([2, 0], [1], 3)).toEqual([2, 0, 1]);
    expect(completeLayout([0, 1], [1], 2)).toEqual([0, 1]);
  });

  it('change by a transpose, and without one where only axes of size 1 move', () => {
    expect(layoutSteps([0, 1, 2, 3], [0, 3, 1, 2], [null, 5, 6, 7])).toEqual({ squeeze: [], transpose: [0, 3, 1, 2], unsqueeze: [] });
    expect(layoutSteps([0, 3, 1, 2], [0, 1, 2, 3], [null, 1, 1, 7])).toEqual({ squeeze: [2, 3], transpose: undefined, unsqueeze: [1, 2] });
    expect(layoutSteps([0, 3], [0, 3, 1, 2], [null, 1, 1, 7])).toEqual({ squeeze: [], transpose: undefined, unsqueeze: [2, 3] });
    expect(layoutSteps([0, 2, 1], [0, 2, 1], [null, 2, 3])).toEqual({ squeeze: [], transpose: undefined, unsqueeze: [] });
  });
});

describe('transposition of data', () => {
  it('agrees with tf.transpose', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), fc.infiniteStream(fc.nat()), (shape, picks) => {
        const perm = shapeOrder(shape.length, picks);
        const data = Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => i);
        const expected = tf.transpose(tf.tensor(data, shape), perm);
        expect([...transposeData(data, shape, perm)]).toEqual([...expected.dataSync()]);
      }),
    );
  });

  it('leaves axes of size 1 out', () => {
    expect([...transposeData(Float32Array.of(1, 2, 3, 4, 5, 6), [1, 2, 3], [2, 1])]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('of a large tensor goes through the backend and gives the same', () => {
    const shape = [3, 3, 64, 128];
    const data = Float32Array.from({ length: 73728 }, (_, i) => i);
    const arranged = arrangeTensor({ data, shape, dtype: 'float32' }, { axes: [3, 2, 0, 1] });
    expect(arranged.shape).toEqual([128, 64, 3, 3]);
    expect(arranged.data).toEqual(transposeData(data, shape, [3, 2, 0, 1]));
  });
});

describe('parameters of a weight', () => {
  const depthwise = { axes: [2, 3, 0, 1], merged: [6, 1, 3, 3] };

  it('follow its permutation', () => {
    const scale = { data: Float32Array.of(1, 2, 3, 4), shape: [1, 1, 1, 4] };
    expect(arrangeParameter(scale, [3, 3, 2, 4], { axes: [3, 2, 0, 1] })).toEqual({ data: scale.data, shape: [4, 1, 1, 1] });
  });

  it('of lower rank broadcast from the last axis', () => {
    const scale = { data: Float32Array.of(1, 2), shape: [2] };
    expect(arrangeParameter(scale, [5, 2], { axes: [1, 0] })).toEqual({ data: scale.data, shape: [2, 1] });
  });

  it('merge with the channels and the multiplier of a depthwise filter', () => {
    const full = { data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [1, 1, 3, 2] };
    expect(arrangeParameter(full, [3, 3, 3, 2], depthwise)).toEqual({ data: full.data, shape: [6, 1, 1, 1] });
  });

  it('repeat along the multiplier where they are one for it', () => {
    const channels = { data: Float32Array.of(1, 2, 3), shape: [1, 1, 3, 1] };
    expect(arrangeParameter(channels, [3, 3, 3, 2], depthwise)).toEqual({ data: Float32Array.of(1, 1, 2, 2, 3, 3), shape: [6, 1, 1, 1] });
  });

  it('stay one number where they are', () => {
    const one = { data: Float32Array.of(7), shape: [] };
    expect(arrangeParameter(one, [3, 3, 3, 2], depthwise)).toEqual({ data: one.data, shape: [1, 1, 1, 1] });
  });
});

describe('a reshape', () => {
  const shape = (sizes: readonly (number | null)[]): { sizes: readonly (number | null)[]; traced: number[] } => ({
    sizes,
    traced: sizes.map((size) => size ?? 2),
  });
  const plan = (layout: readonly number[], before: readonly (number | null)[], after: readonly (number | null)[]): unknown =>
    planReshape(layout, shape(before), shape(after));

  it('that only adds axes of size 1 is a relabeling', () => {
    expect(plan([0, 1], [null, 8], [null, 1, 1, 8])).toEqual({ kind: 'relabel', squeeze: [], layout: [0, 3] });
    expect(plan([0, 3, 1, 2], [null, 5, 6, 7], [null, 1, 5, 6, 7])).toEqual({ kind: 'relabel', squeeze: [], layout: [0, 4, 2, 3] });
  });

  it('that drops axes of size 1 squeezes them', () => {
    expect(plan([0, 3, 1, 2], [null, 1, 1, 8], [null, 8])).toEqual({ kind: 'relabel', squeeze: [2, 3], layout: [0, 1] });
  });

  it('within groups of neighbours happens in place', () => {
    expect(plan([0, 3, 1, 2], [null, 5, 6, 7], [null, 30, 7])).toEqual({ kind: 'reshape', from: [0, 3, 1, 2], layout: [0, 2, 1] });
    expect(plan([0, 1], [null, 12], [null, 3, 4])).toEqual({ kind: 'reshape', from: [0, 1], layout: [0, 1, 2] });
  });

  it('across a permutation needs the plain layout', () => {
    expect(plan([0, 3, 1, 2], [null, 5, 6, 7], [null, 210])).toEqual({ kind: 'reshape', from: [0, 1, 2, 3], layout: [0, 1] });
  });

  it('does not mistake the batch for a size that it happens to have in the trace', () => {
    expect(plan([0, 2, 1], [null, 2, 3], [2, null, 3])).toEqual({ kind: 'reshape', from: [0, 1, 2], layout: [0, 1, 2] });
  });
});

describe('padding of a window', () => {
  it("is TensorFlow's: half in front, rounded down", () => {
    expect(windowPadding({ input: 8, output: 4, kernel: 3, stride: 2, dilation: 1 }, 'same')).toEqual([0, 1]);
    expect(windowPadding({ input: 7, output: 4, kernel: 3, stride: 2, dilation: 1 }, 'same')).toEqual([1, 1]);
    expect(windowPadding({ input: 5, output: 5, kernel: 4, stride: 1, dilation: 2 }, 'same')).toEqual([3, 3]);
  });

  it('makes exactly the output that TensorFlow has', () => {
    const sizes = fc.record({
      input: fc.integer({ min: 1, max: 30 }),
      kernel: fc.integer({ min: 1, max: 6 }),
      stride: fc.integer({ min: 1, max: 5 }),
      dilation: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(sizes, (axis) => {
        const output = Math.ceil(axis.input / axis.stride);
        expect(windowOutput({ ...axis, output }, windowPadding({ ...axis, output }, 'same'))).toBe(output);
      }),
    );
  });
});

describe('an all-convolutional network', () => {
  const build = (): tfl.LayersModel => {
    const { layers } = tfl;
    const model = tfl.sequential();
    model.add(layers.conv2d({ inputShape: [12, 10, 3], filters: 4, kernelSize: 3, padding: 'same', activation: 'relu' }));
    model.add(layers.batchNormalization({}));
    model.add(layers.maxPooling2d({ poolSize: 2 }));
    model.add(layers.conv2dTranspose({ filters: 6, kernelSize: 3, strides: 2, padding: 'same' }));
    model.add(layers.activation({ activation: 'softmax' }));
    randomizeWeights(model);
    return model;
  };

  it('has one transpose at its input and one at its output', () => {
    expect(operations(exported(build()))['Transpose']).toBe(2);
  });

  it('has none at an input and output in the layout of the file, and computes the same', async () => {
    const model = build();
    const bytes = exported(model, { inputLayout: 'NCHW', outputLayout: 'NCHW' });
    expect(operations(bytes)['Transpose']).toBeUndefined();
    const x = tf.randomNormal([2, 12, 10, 3]);
    const [y] = await runOnnx(bytes, [tf.transpose(x, [0, 3, 1, 2])]);
    expect(largestDifference([tf.transpose(y as Tensor, [0, 2, 3, 1])], [model.predict(x) as Tensor])).toBeLessThan(1e-5);
  });

  it('needs no transpose behind global pooling, with or without a flatten', () => {
    const { layers } = tfl;
    const model = tfl.sequential();
    model.add(layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3 }));
    model.add(layers.averagePooling2d({ poolSize: 6 }));
    model.add(layers.flatten());
    model.add(layers.dense({ units: 2 }));
    expect(operations(exported(model, { inputLayout: 'NCHW' }))['Transpose']).toBeUndefined();
  });

  it('takes permutations of the model for free', () => {
    const { layers } = tfl;
    const model = tfl.sequential();
    model.add(layers.permute({ inputShape: [3, 8, 8], dims: [2, 3, 1] }));
    model.add(layers.conv2d({ filters: 4, kernelSize: 3 }));
    model.add(layers.permute({ dims: [3, 1, 2] }));
    expect(operations(exported(model))['Transpose']).toBeUndefined();
  });
});

/** A permutation made from a stream of numbers. */
function shapeOrder(rank: number, picks: fc.Stream<number>): number[] {
  const rest = [...plainLayout(rank)];
  const order: number[] = [];
  for (const pick of picks.take(rank)) order.push(...rest.splice(pick % rest.length, 1));
  return order;
}
