import { histogram, histogramExporter, histogramPage, MaskOperator } from '@nncf/sparsity';
import { describeBackends } from '@nncf/testing/backends';
import type { PlanCommand } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

describe('histogram', () => {
  test('zero lies in the middle of the middle bin', () => {
    expect(histogram([-3, -2.9, -1, 0, 0.5, 1, 3, 99], 3, 3)).toEqual({ low: -3, high: 3, counts: [2, 3, 3] });
    expect(histogram([0, 0], 0, 5).counts).toEqual([0, 0, 2, 0, 0]);
  });

  test('counts every value once', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -5, max: 5 })), fc.double({ min: 0.1, max: 10, noNaN: true }), (values, limit) => {
        expect(histogram(values, limit, 7).counts.reduce((sum, count) => sum + count, 0)).toBe(values.length);
      }),
    );
  });
});

test('a page shows each weight, its zeros, and no markup of its name', () => {
  const page = histogramPage('After <training>', [{ name: 'conv<1>/kernel', before: [1, -1, 0.5, 2], after: [1, 0, 0, 2] }]);
  expect(page).toContain('<title>After &#60;training&#62;</title>');
  expect(page).toContain('<b>conv&#60;1&#62;/kernel</b> ±2.00, 4 weights, 50.0 % zeros');
  expect(page.match(/<rect/gu)).toHaveLength(4 + 3);
  expect(page).not.toMatch(/https?:/u);
});

describeBackends('histogram exporter', () => {
  test('shows the weights of the plan before and after their operators', () => {
    const variable = tf.variable(tf.tensor1d([1, 2, 3, 4]));
    const other = tf.variable(tf.tensor1d([9]));
    const mask = new MaskOperator([4]);
    mask.set(tf.tensor1d([0, 0, 0, 1]));
    const command: PlanCommand = {
      algorithm: 'x',
      operator: 'x/w',
      target: 'weight',
      transform: 'mask',
      points: [],
      values: ['w'],
      description: '',
      spec: {},
    };
    const source = {
      graph: { nodes: [], values: [], inputs: [], outputs: [], traceBatch: 2 },
      variables: new Map<string, tf.Variable>([
        ['w', variable],
        ['bias', other],
      ]),
      plan: { commands: [command] },
      operators: new Map([['x/w', mask]]),
    };
    const page = new TextDecoder().decode(histogramExporter.serialize(source, { title: 'Weights of x' }));
    expect(page).toContain('<h1>Weights of x</h1>');
    expect(page.match(/<figure>/gu)).toHaveLength(1);
    expect(page).toContain('<b>w</b> ±4.00, 4 weights, 75.0 % zeros');
    tf.dispose([variable, other]);
  });
});
