import { createCompressionAlgorithm, registerAlgorithm, type ModelCompression } from '@nncf/core';
import { fakeAlgorithm, functionalModel, sharedModel, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';

registerAlgorithm(fakeAlgorithm('fake'));
const config = { compression: { algorithm: 'fake', factor: 0.9 }, input_info: { sample_size: [1, 8, 8, 3] } };
const count = (): number => tf.memory().numTensors;

/** One life of a compression. */
async function live<Model>(algo: ModelCompression<Model>, x: tf.Tensor, train: (optimizer: tf.Optimizer) => unknown): Promise<void> {
  await algo.initialize([x]);
  const optimizer = algo.optimizer(tf.train.adam(0.01));
  await train(optimizer);
  algo.scheduler.step();
  algo.loadState(algo.state());
  algo.scheduler.epochStep();
  algo.statistics();
  tf.dispose(algo.loss());
  optimizer.dispose();
  algo.remove();
  algo.remove();
}

describeBackends('memory', () => {
  const x = (): tf.Tensor => tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 1);

  it.each([
    ['a model in fit', smallSequential, [8, 8, 3], [5]],
    ['a model with a shared layer in fit', sharedModel, [6, 6, 2], [6, 6, 2]],
  ] as const)('is as before after the life of a compression of %s', async (_, make, input, output) => {
    const model = make() as LayersModel;
    const [image, label] = [tf.ones([2, ...input]), tf.zeros([2, ...output])];
    tf.dispose(model.predict(image));
    const before = count();
    const algo = await createCompressionAlgorithm(model, { compression: config.compression });
    await live(algo, image, async (optimizer) => {
      model.compile({ loss: 'meanSquaredError', optimizer });
      await model.fit(image, label, { batchSize: 1, epochs: 1, verbose: 0 });
      tf.dispose(model.evaluate(image, label));
      tf.dispose(model.predict(image));
      tf.tidy(() => void model.apply(image));
    });
    expect(count()).toBe(before);
  });

  it('is as before after the life of a compression of functional code', async () => {
    const [model, image] = [functionalModel(), x()];
    const before = count();
    const algo = await createCompressionAlgorithm(model, config);
    await live(algo, image, (optimizer) => {
      optimizer.minimize(() => tf.sum(model.call(image, { training: true }) as tf.Tensor));
      tf.tidy(() => void model.call(image, { training: false }));
    });
    expect(count()).toBe(before);
  });

  it('does not grow where prediction outside every tidy and training take turns', async () => {
    const [model, image] = [sharedModel(), tf.ones([1, 6, 6, 2])];
    const algo = await createCompressionAlgorithm(model, { compression: config.compression });
    const optimizer = algo.optimizer(tf.train.sgd(0.01));
    const code = functionalModel();
    const codeAlgo = await createCompressionAlgorithm(code, config);
    const picture = x();
    const turn = (): void => {
      optimizer.minimize(() => tf.mean(model.apply(image, { training: true }) as tf.Tensor));
      tf.dispose(model.apply(image) as tf.Tensor);
      optimizer.minimize(() => tf.mean(code.call(picture, { training: true }) as tf.Tensor));
      tf.dispose(code.call(picture, { training: false }));
    };
    const sizes = [0, 1, 2, 3].map(() => (turn(), count()));
    const perTurn = (sizes[3] ?? 0) - (sizes[2] ?? 0);
    codeAlgo.remove();
    algo.remove();
    // What plain code leaves between its input and its output is the caller's.
    const plain = count();
    tf.dispose(code.call(picture, { training: false }));
    expect(perTurn).toBe(count() - plain);
  });
});
