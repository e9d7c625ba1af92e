import '@tensorflow/tfjs-layers';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, test } from 'vitest';
import { createOptimizer, disposeOptimizer, trainingStep, type OptimizerOptions } from '../src/train/optimizer.ts';

let variables: tf.Variable[] = [];

function variable(value: number): tf.Variable {
  const made = tf.tidy(() => tf.variable(tf.scalar(value)));
  variables.push(made);
  return made;
}

afterEach(() => {
  tf.dispose(variables);
  variables = [];
});

/** Steps on the loss 3·kernel + 5·bias, whose gradients are 3 and 5. */
function descend(options: OptimizerOptions, rates: readonly number[], start: number): { kernel: number; bias: number } {
  const [kernel, bias] = [variable(start), variable(start)];
  const optimizer = createOptimizer(options);
  const trained = [
    { variable: kernel, decays: true },
    { variable: bias, decays: false },
  ];
  const step = trainingStep(optimizer, optimizer, trained, options);
  for (const rate of rates) step(() => tf.add(tf.mul(kernel, 3), tf.mul(bias, 5)), rate).dispose();
  disposeOptimizer(optimizer, optimizer);
  return { kernel: kernel.dataSync()[0]!, bias: bias.dataSync()[0]! };
}

describe('trainingStep', () => {
  test('plain descent: w − rate·g', () => {
    const { kernel, bias } = descend({ momentum: 0, nesterov: false }, [0.1], 1);
    expect(kernel).toBeCloseTo(1 - 0.1 * 3, 6);
    expect(bias).toBeCloseTo(1 - 0.1 * 5, 6);
  });

  test('momentum gathers gradients, and the rate is taken when the step is made', () => {
    const { kernel } = descend({ momentum: 0.5, nesterov: false }, [0.1, 0.01], 0);
    expect(kernel).toBeCloseTo(-0.1 * 3 - 0.01 * (0.5 * 3 + 3), 6);
  });

  test('Nesterov looks one step ahead', () => {
    const { kernel } = descend({ momentum: 0.5, nesterov: true }, [0.1], 0);
    expect(kernel).toBeCloseTo(-0.1 * (3 + 0.5 * 3), 6);
  });

  test('l2 adds decay·w to the gradient of kernels only', () => {
    const { kernel, bias } = descend({ momentum: 0, nesterov: false, weightDecay: 0.2, decay: 'l2' }, [0.1], 2);
    expect(kernel).toBeCloseTo(2 - 0.1 * (3 + 0.2 * 2), 6);
    expect(bias).toBeCloseTo(2 - 0.1 * 5, 6);
  });

  test('decoupled decay shrinks kernels after the step', () => {
    const { kernel, bias } = descend({ momentum: 0, nesterov: false, weightDecay: 0.2, decay: 'decoupled' }, [0.1], 2);
    expect(kernel).toBeCloseTo((2 - 0.1 * 3) * (1 - 0.1 * 0.2), 6);
    expect(bias).toBeCloseTo(2 - 0.1 * 5, 6);
  });

  test('the first step of Adam is the rate, whatever the gradient', () => {
    const { kernel, bias } = descend({ type: 'adam' }, [0.01], 1);
    expect(kernel).toBeCloseTo(0.99, 4);
    expect(bias).toBeCloseTo(0.99, 4);
  });

  test('a hundred steps leave no tensor behind', () => {
    descend({ weightDecay: 0.1 }, [0.1], 1);
    tf.dispose(variables);
    const before = tf.memory().numTensors;
    descend(
      { weightDecay: 0.1 },
      Array.from({ length: 100 }, () => 0.001),
      1,
    );
    tf.dispose(variables);
    expect(tf.memory().numTensors).toBe(before);
  });
});
