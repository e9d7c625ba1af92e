import { layerSparsity, layerTable, MaskOperator, modelSparsity, sparsityOf } from '@nncf/sparsity';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';

describeBackends('statistics of sparsity', () => {
  test('zeros are counted after the mask; −0 is one, NaN is none', () => {
    const mask = new MaskOperator([4]);
    mask.set(tf.tensor1d([1, 0, 1, 1]));
    expect(layerSparsity('w', tf.tensor1d([1, -2, 0, 4]), mask)).toEqual({ name: 'w', shape: [4], size: 4, zeros: 2 });
    expect(layerSparsity('w', tf.tensor1d([-0, Number.NaN, 1, 1])).zeros).toBe(1);
  });

  test('the model counts trained variables, masked ones after their masks', () => {
    const kernel = tf.variable(tf.tensor1d([1, 2, 3, 4]));
    const bias = tf.variable(tf.tensor1d([0, 5]));
    const moving = tf.variable(tf.zeros([10]), false);
    const layers = [{ name: 'kernel', shape: [4], size: 4, zeros: 3 }];
    const variables = new Map<string, tf.Variable>([
      ['kernel', kernel],
      ['bias', bias],
      ['moving', moving],
    ]);
    expect(modelSparsity(layers, variables)).toBeCloseTo(4 / 6, 9);
    expect(sparsityOf(layers)).toBe(0.75);
    expect(sparsityOf([])).toBe(0);
    tf.dispose([kernel, bias, moving]);
  });

  test('one row a layer, with the columns of the method', () => {
    const layers = [
      { name: 'a', shape: [2, 3], size: 6, zeros: 3 },
      { name: 'b', shape: [18], size: 18, zeros: 0 },
    ];
    expect(layerTable(layers, [{ title: 'Zeros', of: ({ zeros }) => zeros }])).toEqual({
      title: 'Sparsity by layer',
      columns: ['Layer', 'Shape', 'Sparsity', 'Share of weights', 'Zeros'],
      rows: [
        ['a', '[2, 3]', '50.0 %', '25.0 %', 3],
        ['b', '[18]', '0.0 %', '75.0 %', 0],
      ],
    });
  });
});
