import { loadMasks, MaskOperator, saveMasks } from '@nncf/sparsity';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()].map((value) => value + 0);

describeBackends('MaskOperator', () => {
  test('starts open, masks value and gradient, is no trained variable', () => {
    const operator = new MaskOperator([2, 2]);
    const weight = tf.variable(tf.tensor2d([1, -2, 3, 0], [2, 2]));
    expect(values(operator.apply(weight))).toEqual([1, -2, 3, 0]);
    operator.set(tf.tensor2d([0, 1, 0, 1], [2, 2]));
    expect(values(operator.apply(weight))).toEqual([0, -2, 0, 0]);
    const { grads } = tf.variableGrads(() => tf.sum(tf.mul(operator.apply(weight), tf.tensor2d([2, 3, 5, 7], [2, 2]))) as tf.Scalar);
    expect(Object.keys(grads)).toEqual([weight.name]);
    expect(values(grads[weight.name] as tf.Tensor)).toEqual([0, 3, 0, 7]);
    operator.dispose();
    weight.dispose();
  });

  test('the mask outlives the tensor that it was set from', () => {
    const operator = new MaskOperator([2]);
    const before = tf.memory().numTensors;
    tf.tidy(() => operator.set(tf.tensor1d([1, 0])));
    expect(tf.memory().numTensors).toBe(before);
    expect(values(operator.mask)).toEqual([1, 0]);
    operator.dispose();
  });
});

describeBackends('states of masks', () => {
  const masks = (): Map<string, MaskOperator> =>
    new Map([
      ['a', new MaskOperator([3])],
      ['b', new MaskOperator([1, 2])],
    ]);

  test('come back as they were', () => {
    const [first, second] = [masks(), masks()];
    first.get('a')?.set(tf.tensor1d([0, 1, 0]));
    const saved = saveMasks(first);
    expect(saved).toEqual({
      'mask/a': { shape: [3], dtype: 'bool', data: Uint8Array.of(0, 1, 0) },
      'mask/b': { shape: [1, 2], dtype: 'bool', data: Uint8Array.of(1, 1) },
    });
    loadMasks(second, saved);
    expect(saveMasks(second)).toEqual(saved);
  });

  test('a missing mask or another shape changes nothing', () => {
    const present = masks();
    const before = saveMasks(present);
    const half = { 'mask/a': { shape: [3], dtype: 'bool', data: Uint8Array.of(0, 0, 0) } } as const;
    expect(() => loadMasks(present, half)).toThrow('no "mask/b"');
    expect(() => loadMasks(present, { ...half, 'mask/b': { shape: [2, 1], dtype: 'bool', data: Uint8Array.of(0, 0) } })).toThrow(
      'shape [2, 1]',
    );
    expect(() => loadMasks(present, half)).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }));
    expect(saveMasks(present)).toEqual(before);
  });
});
