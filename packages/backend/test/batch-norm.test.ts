/** Batch normalization in training: the fused operation against the composition, values, gradients and moving averages. */
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { batchNormTraining, hasFusedBatchNorm } from '../src/batch-norm-layer.ts';
import { disableTrainingKernels, enableTrainingKernels } from '../src/training-kernels.ts';
import { expectClose, loadBackends, noise, outputAndGradients, type Plain } from './helpers.ts';

const loaded = await loadBackends();
const fusing = loaded.filter((name) => name !== 'cpu');

interface LayerRun {
  readonly values: Plain[];
}

interface LayerOptions {
  readonly momentum: number;
  readonly epsilon: number;
  readonly axis?: number;
  readonly center?: boolean;
  readonly scale?: boolean;
}

/** Two training steps of a lone layer: its output, the gradients of x and of its weights, the moving averages. */
async function trainLayer(backend: string, shape: number[], options: LayerOptions): Promise<LayerRun> {
  await tf.setBackend(backend);
  const layer = layers.batchNormalization({ ...options, inputShape: shape.slice(1) });
  const model = sequential({ layers: [layer] });
  const before = tf.memory().numTensors;
  const values: Plain[] = [];
  const keep = (tensor: tf.Tensor): void => {
    values.push({ shape: tensor.shape, values: [...tensor.dataSync()] });
  };
  for (const seed of [1, 2]) {
    tf.engine().startScope();
    const x = tf.variable(tf.tensor(noise(shape, seed).values, shape));
    const upstream = tf.tensor(noise(shape, seed + 7).values, shape);
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.mul(model.apply(x, { training: true }) as tf.Tensor, upstream)));
    keep(value);
    // Variables are numbered as they are made: x last, then the weights in the layer's order.
    const names = Object.keys(grads).toSorted();
    for (const name of names) keep(grads[name]!);
    x.dispose();
    tf.engine().endScope();
  }
  expect(tf.memory().numTensors).toBe(before);
  for (const weight of model.getWeights()) keep(weight);
  model.dispose();
  return { values };
}

describe.each(fusing)('batch normalization in training on %s', (backend) => {
  beforeEach(async () => {
    enableTrainingKernels();
    await tf.setBackend(backend);
  });
  afterEach(disableTrainingKernels);

  it.each<[string, number[], LayerOptions]>([
    ['images', [4, 5, 3, 6], { momentum: 0.99, epsilon: 1e-3 }],
    ['images, other momentum and epsilon', [2, 4, 4, 3], { momentum: 0.7, epsilon: 1e-5 }],
    ['rows', [16, 7], { momentum: 0.9, epsilon: 1e-3 }],
    ['sequences', [4, 6, 5], { momentum: 0.9, epsilon: 1e-3 }],
    ['axis written out', [2, 3, 3, 4], { momentum: 0.9, epsilon: 1e-3, axis: 3 }],
    ['a single value per channel', [1, 1, 1, 3], { momentum: 0.9, epsilon: 1e-1 }],
  ])("%s: outputs, gradients and moving averages equal the layer's own", async (_, shape, options) => {
    const fusedRun = await trainLayer(backend, shape, options);
    disableTrainingKernels();
    const ownRun = await trainLayer('cpu', shape, options);
    expectClose(fusedRun.values, ownRun.values, 2e-4);
  });

  it('agrees with the composition on random shapes', async () => {
    const sizes = fc.tuple(
      fc.integer({ min: 2, max: 5 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 9 }),
    );
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 1, max: 1000 }), async (shape, seed) => {
        const channels = [shape[3]];
        const inputs = [noise([...shape], seed), noise(channels, seed + 1), noise(channels, seed + 2)];
        const run = (x?: tf.Tensor, scale?: tf.Tensor, offset?: tf.Tensor): tf.Tensor =>
          batchNormTraining(x!, scale as tf.Tensor1D, offset as tf.Tensor1D, 1e-2).y;
        enableTrainingKernels();
        const fused = await outputAndGradients(backend, run, inputs);
        expectClose(fused, await outputAndGradients('cpu', run, inputs), 1e-4);
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    [false, true],
    [true, false],
    [false, false],
  ])('trains with center %s and scale %s, which the layer alone does not', async (center, scale) => {
    const { values } = await trainLayer(backend, [3, 2, 2, 4], { momentum: 0.9, epsilon: 1e-3, center, scale });
    const reference = await trainLayer(backend, [3, 2, 2, 4], { momentum: 0.9, epsilon: 1e-3 });
    expectClose(values.slice(0, 1), reference.values.slice(0, 1), 1e-4);
  });

  it('leaves prediction to the layer', async () => {
    const layer = layers.batchNormalization({ inputShape: [2, 2, 3] });
    const x = tf.tensor(noise([1, 2, 2, 3], 3).values, [1, 2, 2, 3]);
    const kernels = await tf.profile(() => layer.apply(x) as tf.Tensor);
    expect(kernels.kernelNames).toContain('FusedBatchNorm');
    expect(kernels.kernelNames).not.toContain('FusedBatchNormV3');
  });
});

describe('undoing', () => {
  it('puts the layer, the kernels and the gradients back', async () => {
    await tf.setBackend('wasm');
    const prototype = Object.getPrototypeOf(layers.batchNormalization({})) as { call: unknown };
    const before = [prototype.call, tf.getGradient('Relu'), tf.getKernel('MaxPoolGrad', 'wasm'), tf.getKernel('Conv2D', 'wasm')];
    enableTrainingKernels();
    enableTrainingKernels();
    const during = [prototype.call, tf.getGradient('Relu'), tf.getKernel('MaxPoolGrad', 'wasm'), tf.getKernel('Conv2D', 'wasm')];
    for (const [index, each] of during.entries()) expect(each).not.toBe(before[index]);
    disableTrainingKernels();
    const after = [prototype.call, tf.getGradient('Relu'), tf.getKernel('MaxPoolGrad', 'wasm'), tf.getKernel('Conv2D', 'wasm')];
    for (const [index, each] of after.entries()) expect(each).toBe(before[index]);
    expect(tf.getKernel('Conv2DBackpropFilter', 'wasm') ?? null).toBeNull();
    expect(hasFusedBatchNorm()).toBe(false);
  });
});
