import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { hessianTraces } from '../src/precision/hessian-trace.ts';
import { meanGradients } from '../src/precision/mean-gradients.ts';

const gradientsOf =
  (loss: () => tf.Scalar) =>
  (weights: readonly tf.Variable[]): readonly tf.Tensor[] =>
    tf.engine().gradients(loss, [...weights]).grads;

/** Half of wᵀAw. */
function quadratic(weight: tf.Variable, matrix: readonly (readonly number[])[]): tf.Scalar {
  const column = tf.reshape(weight, [weight.size, 1]);
  return tf.div(tf.sum(tf.mul(column, tf.matMul(tf.tensor2d(matrix.map((row) => [...row])), column))), 2) as tf.Scalar;
}

const diagonal = (...values: number[]): number[][] => values.map((value, i) => values.map((_, j) => (i === j ? value : 0)));
const random = (shape: number[], size: number, seed: number): tf.Variable => tf.variable(tf.randomNormal(shape, 0, size, 'float32', seed));

describeBackends('the trace of the Hessian', () => {
  it('is the sum of the diagonal of a quadratic, from one direction where nothing else is, whatever the size of the weights', () => {
    for (const size of [1e-3, 1, 300]) {
      const [a, b] = [random([2, 2], size, 1), random([3], size, 2)];
      const loss = (): tf.Scalar => tf.add(quadratic(a, diagonal(1, 10, 0, -5)), quadratic(b, diagonal(0.5, 0.25, 0)));
      const traces = hessianTraces([a, b], gradientsOf(loss), { iterations: 1, tolerance: 0 });
      expect(traces[0]).toBeCloseTo(6, 2);
      expect(traces[1]).toBeCloseTo(0.75, 3);
    }
  });

  it('is the mean over directions where elements and weights depend on each other', () => {
    const [a, b] = [random([3], 4, 1), random([2], 0.05, 2)];
    const matrix = [
      [2, 0.5, 0],
      [0.5, 3, -1],
      [0, -1, 4],
    ];
    const between = (): tf.Scalar => tf.mul(tf.sum(a), tf.sum(b));
    const loss = (): tf.Scalar => tf.addN([quadratic(a, matrix), quadratic(b, diagonal(50, 30)), tf.mul(between(), 0.1)]) as tf.Scalar;
    const traces = hessianTraces([a, b], gradientsOf(loss), { iterations: 150, tolerance: 0 });
    // The spread of one direction is 2·(0.5² + 1²)·2 in variance, and that of the coupling.
    expect(traces[0]).toBeCloseTo(9, 0);
    expect(traces[1]! / 80).toBeCloseTo(1, 1);
  });

  it('is that of a softmax layer with cross entropy: mean of ‖x‖² · Σ p(1 − p)', () => {
    const [samples, inputs, classes] = [6, 4, 3];
    const [x, weight] = [random([samples, inputs], 1, 3), random([inputs, classes], 0.7, 4)];
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 1, 0, 2], 'int32'), classes);
    const logits = (): tf.Tensor2D => tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D);
    const loss = (): tf.Scalar => tf.losses.softmaxCrossEntropy(labels, logits()) as tf.Scalar;
    const p = tf.softmax(logits());
    const expected = tf.mean(tf.mul(tf.sum(tf.square(x), 1), tf.sum(tf.mul(p, tf.sub(1, p)), 1))).dataSync()[0] ?? 0;
    const [trace] = hessianTraces([weight], gradientsOf(loss), { iterations: 150, tolerance: 0 });
    expect(trace! / expected).toBeCloseTo(1, 1);
  });

  it('stops when directions agree, leaves weights to the bit and no tensor behind', () => {
    const weight = random([5], 1, 5);
    const before = [...weight.dataSync()];
    const draws: number[] = [];
    const tensors = tf.memory().numTensors;
    hessianTraces(
      [weight],
      gradientsOf(() => quadratic(weight, diagonal(1, 2, 3, 4, 5))),
      {
        iterations: 50,
        tolerance: 1e-3,
        onIteration: (done) => draws.push(done),
      },
    );
    expect(draws).toEqual([1, 2]);
    expect([...weight.dataSync()]).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('leaves weights to the bit when the loss throws', () => {
    const weight = random([5], 1, 5);
    const before = [...weight.dataSync()];
    const failing = (): never => {
      throw new Error('no loss');
    };
    expect(() => hessianTraces([weight], failing, { iterations: 3, tolerance: 0 })).toThrow('no loss');
    expect([...weight.dataSync()]).toEqual(before);
  });

  it('has mean gradients over batches of any sizes, also of frozen weights and of those without influence', () => {
    const frozen = tf.variable(tf.tensor1d([1, 2]), false);
    const idle = random([3], 1, 6);
    const batch = (samples: number, factor: number): Parameters<typeof meanGradients>[0][number] => ({
      samples,
      loss: () => tf.mul(tf.sum(tf.square(frozen)), factor),
      dispose: () => undefined,
    });
    const [first, second] = tf.tidy(() => meanGradients([batch(3, 1), batch(1, 5)])([frozen, idle]).map((each) => [...each.dataSync()]));
    expect(first).toEqual([4, 8]);
    expect(second).toEqual([0, 0, 0]);
  });
});
