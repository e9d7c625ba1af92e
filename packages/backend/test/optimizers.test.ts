/** The optimizers' steps in one operation against TensorFlow.js's own. */
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasOperations } from '../src/native/operations.ts';
import { disableTrainingKernels, enableTrainingKernels } from '../src/training-kernels.ts';
import { expectClose, loadBackends, noise, type Plain } from './helpers.ts';

const loaded = await loadBackends();
if (loaded.includes('tensorflow')) await tf.setBackend('tensorflow');
const compiled = hasOperations();

type Make = () => tf.Optimizer;

const OPTIMIZERS: Record<string, Make> = {
  'gradient descent': () => tf.train.sgd(0.05),
  momentum: () => tf.train.momentum(0.05, 0.9),
  'momentum of Nesterov': () => tf.train.momentum(0.05, 0.9, true),
  adam: () => tf.train.adam(0.01),
  'adam with other factors': () => tf.train.adam(0.02, 0.8, 0.95, 1e-4),
};

/** The variables after a few steps, and the optimizer's own. */
async function run(make: Make, shapes: number[][], form: 'list' | 'map', skip: number): Promise<Plain[]> {
  const before = tf.memory().numTensors;
  const variables = shapes.map((shape, index) => tf.tidy(() => tf.variable(tf.tensor(noise(shape, index + 1).values, shape))));
  const optimizer = make();
  for (let step = 0; step < 3; step += 1) {
    tf.tidy(() => {
      const gradients = variables.map(({ name, shape }, index) => ({
        name,
        tensor: tf.tensor(noise(shape, 100 + step * 10 + index).values, shape),
      }));
      // A variable that the loss does not depend on has no gradient.
      const given = gradients.map(({ name, tensor }, index) => ({
        name,
        tensor: index === skip ? (null as unknown as tf.Tensor) : tensor,
      }));
      optimizer.applyGradients(form === 'list' ? given : Object.fromEntries(given.map(({ name, tensor }) => [name, tensor])));
    });
  }
  const slots = await optimizer.getWeights();
  const all = [...variables, ...slots.map(({ tensor }) => tensor)];
  const values = all.map((tensor) => ({ shape: tensor.shape, values: [...tensor.dataSync()] }));
  slots[0]!.tensor.dispose();
  optimizer.dispose();
  tf.dispose(variables);
  // TensorFlow.js's momentum does not dispose of its learning rate.
  expect(tf.memory().numTensors - before).toBeLessThanOrEqual(1);
  return values;
}

describe.runIf(compiled)('with the compiled operations', () => {
  beforeAll(async () => {
    await tf.setBackend('tensorflow');
  });
  afterEach(disableTrainingKernels);

  describe.each(Object.entries(OPTIMIZERS))('%s', (_, make) => {
    it('takes the same steps as TensorFlow.js, on random shapes', async () => {
      const shape = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 4 });
      const property = fc.asyncProperty(
        fc.array(shape, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('list' as const, 'map' as const),
        async (shapes, form) => {
          enableTrainingKernels();
          const fused = await run(make, shapes, form, shapes.length > 1 ? 1 : -1);
          disableTrainingKernels();
          expectClose(fused, await run(make, shapes, form, shapes.length > 1 ? 1 : -1), 1e-6);
        },
      );
      await fc.assert(property, { numRuns: 10 });
    });

    it('shares a large variable out over the processors', async () => {
      enableTrainingKernels();
      const fused = await run(make, [[300, 401], [3]], 'list', -1);
      disableTrainingKernels();
      expectClose(fused, await run(make, [[300, 401], [3]], 'list', -1), 1e-6);
    });

    it('is one operation', async () => {
      enableTrainingKernels();
      const variables = [tf.variable(tf.ones([3])), tf.variable(tf.ones([2, 2]))];
      const optimizer = make();
      const step = (): void => void optimizer.minimize(() => tf.add(tf.sum(variables[0]!), tf.sum(variables[1]!)), false, variables);
      step();
      const profile = await tf.profile(() => {
        step();
        return tf.scalar(0);
      });
      expect(profile.kernelNames.filter((name) => ['Sqrt', 'Square', 'RealDiv'].includes(name))).toEqual([]);
    });
  });
});

describe('without them', () => {
  it('the optimizers keep their own steps', async () => {
    await tf.setBackend('cpu');
    enableTrainingKernels();
    const after = await run(OPTIMIZERS['momentum']!, [[2, 3]], 'list', -1);
    disableTrainingKernels();
    expectClose(after, await run(OPTIMIZERS['momentum']!, [[2, 3]], 'list', -1), 1e-7);
  });
});
