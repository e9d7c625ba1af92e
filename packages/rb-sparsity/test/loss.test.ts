import { INITIAL_LOGIT, rbLocalLoss, rbLoss } from '@nncf/rb-sparsity';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeBackends } from '@nncf/testing/backends';

const value = (scalar: tf.Tensor): number => scalar.dataSync()[0] as number;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const slope = (x: number): number => sigmoid(x) * (1 - sigmoid(x));
const layers = (data: readonly (readonly number[])[]): tf.Tensor[] => data.map((row) => tf.tensor1d([...row]));

/** Exact in float32, zeros among them; no denormal numbers, which some kernels take for zero. */
const logit = fc.integer({ min: -400, max: 400 }).map((step) => step / 64);
const data = fc.array(fc.array(logit, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 });

function expectGradients(gradients: tf.Tensor[], expected: readonly (readonly number[])[]): void {
  gradients.forEach((gradient, layer) =>
    [...gradient.dataSync()].forEach((entry, index) => {
      const wanted = expected[layer]?.[index] as number;
      expect(Math.abs(entry - wanted), `layer ${layer}, gate ${index}: ${entry}, not ${wanted}`).toBeLessThan(
        1e-4 * Math.max(1, Math.abs(wanted)),
      );
    }),
  );
}

describeBackends('rbLoss', () => {
  test.each([
    [0.2, 16],
    [0.4, 64],
    [0.6, 144],
    [0, 0],
    [1, 400],
  ])('untouched logits at level %d lose %d', (level, loss) => {
    expect(value(rbLoss(tf.fill([2, 2, 1, 2], INITIAL_LOGIT), level))).toBeCloseTo(loss, 3);
    expect(value(rbLoss([tf.fill([5], INITIAL_LOGIT), tf.fill([3], INITIAL_LOGIT)], level))).toBeCloseTo(loss, 3);
  });

  test('a logit of 0 is a shut gate', () => {
    expect(value(rbLoss(tf.tensor1d([0, 0, 1, -1]), 0.75))).toBeCloseTo(0, 6);
    expect(value(rbLoss(tf.tensor1d([0, 0, 1, -1]), 0.5))).toBeCloseTo(25, 4);
  });

  test('the gradient by hand', () => {
    const [gradient] = tf.grads((s: tf.Tensor) => rbLoss(s, 0.25))([tf.tensor1d([0, 2, -1, -3])]);
    const factor = ((2 / 0.05 ** 2) * (0.25 - 0.75)) / 4;
    expectGradients([gradient as tf.Tensor], [[0, 2, -1, -3].map((s) => factor * slope(s))]);
  });

  test('value and gradient over several layers by the formula', () => {
    fc.assert(
      fc.property(data, fc.double({ min: 0, max: 1, noNaN: true }), (rows, level) => {
        const all = rows.flat();
        const miss = all.filter((s) => s > 0).length / all.length - (1 - level);
        const { value: loss, grads } = tf.valueAndGrads((...logits: tf.Tensor[]) => rbLoss(logits, level))(layers(rows));
        expect(value(loss)).toBeCloseTo((miss / 0.05) ** 2, 2);
        expectGradients(
          grads,
          rows.map((row) => row.map((s) => ((2 / 0.05 ** 2) * miss * slope(s)) / all.length)),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('descending it brings the density to the target', () => {
    const logits = tf.variable(tf.fill([100], INITIAL_LOGIT));
    const start = tf.add(logits, tf.linspace(0, 1, 100));
    logits.assign(start as tf.Tensor<tf.Rank.R1>);
    const optimizer = tf.train.adam(0.1);
    for (let step = 0; step < 150; step++) optimizer.minimize(() => rbLoss(logits, 0.6), false, [logits]);
    const density = value(tf.mean(tf.cast(tf.greater(logits, 0), 'float32')));
    expect(Math.abs(density - 0.4)).toBeLessThan(0.05);
    tf.dispose([logits, start]);
    optimizer.dispose();
  });

  test('leaves no tensors behind', () => {
    const logits = layers([[1, -1], [2]]);
    const before = tf.memory().numTensors;
    tf.dispose(tf.valueAndGrads((...s: tf.Tensor[]) => rbLoss(s, 0.5))(logits));
    tf.dispose(tf.valueAndGrads((...s: tf.Tensor[]) => rbLocalLoss(s, [0.5, 0.5]))(logits));
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each([
    ['level above 1', () => rbLoss(tf.ones([1]), 1.1), 'SPARSITY_LEVEL_INVALID'],
    ['level not a number', () => rbLoss(tf.ones([1]), Number.NaN), 'SPARSITY_LEVEL_INVALID'],
    ['local level below 0', () => rbLocalLoss([tf.ones([1])], [-0.1]), 'SPARSITY_LEVEL_INVALID'],
    ['no layer', () => rbLoss([], 0.5), 'LAYERS_INVALID'],
    ['a layer without weights', () => rbLoss(tf.ones([0]), 0.5), 'LAYERS_INVALID'],
    ['levels that do not fit', () => rbLocalLoss([tf.ones([1])], [0.1, 0.2]), 'LAYERS_INVALID'],
  ])('%s is an error', (_name, run, code) => {
    expect(run).toThrow(expect.objectContaining({ code }));
  });
});

describeBackends('rbLocalLoss', () => {
  test('adds the distances of all layers, also where one is above and one below', () => {
    const logits = layers([
      [1, 1, 1, 1],
      [-1, -1, -1, 1],
    ]);
    expect(value(rbLocalLoss(logits, [0.5, 0.5]))).toBeCloseTo(((0.5 + 0.25) / 0.05) ** 2, 2);
  });

  test('value and gradient by the formula; none at the target', () => {
    fc.assert(
      fc.property(data, fc.infiniteStream(fc.integer({ min: 0, max: 4 })), (rows, stream) => {
        const levels = [...stream.take(rows.length)].map((quarter) => quarter / 4);
        const misses = rows.map((row, i) => Math.fround(row.filter((s) => s > 0).length / row.length) - (1 - (levels[i] as number)));
        const total = misses.reduce((sum, miss) => sum + Math.abs(miss), 0);
        const { value: loss, grads } = tf.valueAndGrads((...logits: tf.Tensor[]) => rbLocalLoss(logits, levels))(layers(rows));
        expect(value(loss)).toBeCloseTo((total / 0.05) ** 2, 1);
        const expected = rows.map((row, i) =>
          row.map((s) => ((2 / 0.05 ** 2) * total * Math.sign(misses[i] as number) * slope(s)) / row.length),
        );
        expectGradients(grads, expected);
      }),
      { numRuns: 30 },
    );
  });
});
