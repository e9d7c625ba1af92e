import { createCompressionAlgorithm, registerAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { fakeAlgorithm, functionalModel, smallSequential, type FakeConfig, type FakeLog } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';

const log: FakeLog = { applied: [] };
registerAlgorithm(fakeAlgorithm('fake', log));
const config = { compression: { algorithm: 'fake', factor: 0.5 } };

type Symbolic = tfl.SymbolicTensor;
const conv = (name: string): tfl.layers.Layer =>
  tfl.layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', name, kernelInitializer: tfl.initializers.heNormal({ seed: 1 }) });
const input = (): Symbolic => tfl.input({ shape: [6, 6, 2] });

/** A model whose first layer runs twice, and another model of that layer alone. */
function twoModels(): { model: tfl.LayersModel; other: tfl.LayersModel } {
  const [x, y, shared] = [input(), input(), conv('shared')];
  const twice = shared.apply(shared.apply(x) as Symbolic) as Symbolic;
  const outputs = conv('last').apply(twice) as Symbolic;
  return {
    model: tfl.model({ inputs: x, outputs, name: 'whole' }),
    other: tfl.model({ inputs: y, outputs: shared.apply(y) as Symbolic, name: 'part' }),
  };
}

describeBackends('a layer of two models', () => {
  it('that is the first and runs twice keeps its calls apart in predict, evaluate and fit when the other model runs in between', async () => {
    const { model, other } = twoModels();
    const algo = await createCompressionAlgorithm(model, config);
    const x = tf.randomNormal([2, 6, 6, 2]);
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
    const order = async (run: () => unknown): Promise<string[]> => {
      other.predict(x);
      log.applied.length = 0;
      await run();
      return log.applied.map((each) => each.operator);
    };
    const expected = ['fake/shared/Conv2D_0', 'fake/shared/kernel', 'fake/shared#1/Conv2D_0', 'fake/last/Conv2D_0', 'fake/last/kernel'];
    const runs = [
      () => model.predict(x),
      () => model.evaluate(x, x, { batchSize: 2 }),
      () => model.fit(x, x, { epochs: 1, batchSize: 2, verbose: 0 }),
      () => model.apply(x, { training: true }),
    ];
    for (const run of runs) expect(await order(run)).toEqual(expected);
    algo.remove();
    expect(Object.getOwnPropertyDescriptor(model, 'outputs')).toMatchObject({ writable: true, value: model.outputs });
  });

  it('cannot be compressed with both', async () => {
    const { model, other } = twoModels();
    const x = tf.randomNormal([2, 6, 6, 2]);
    const before = [...(other.predict(x) as tf.Tensor).dataSync()];
    const algo = await createCompressionAlgorithm(model, config);
    await expect(createCompressionAlgorithm(other, config)).rejects.toMatchObject({
      code: 'ALREADY_COMPRESSED',
      message: expect.stringContaining('"shared" of the model "part" also belongs to the model "whole"') as string,
    });
    algo.remove();
    const second = await createCompressionAlgorithm(other, config);
    await expect(createCompressionAlgorithm(other, config)).rejects.toThrow(/"part" is compressed already/u);
    second.remove();
    expect([...(other.predict(x) as tf.Tensor).dataSync()]).toEqual(before);
  });

  it('may stand in a model that is compressed as a whole', async () => {
    const { other } = twoModels();
    const x = input();
    const outer = tfl.model({ inputs: x, outputs: other.apply(x) as Symbolic, name: 'outer' });
    const algo = await createCompressionAlgorithm(outer, config);
    await expect(createCompressionAlgorithm(other, config)).rejects.toThrow(
      /"part" of the model "part" also belongs to the model "outer"/u,
    );
    algo.remove();
    (await createCompressionAlgorithm(other, config)).remove();
  });

  it('may share its input: branches of one input are compressed apart', async () => {
    const x = input();
    const branch = (name: string): tfl.LayersModel => tfl.model({ inputs: x, outputs: conv(name).apply(x) as Symbolic });
    const algos = [await createCompressionAlgorithm(branch('a'), config), await createCompressionAlgorithm(branch('b'), config)];
    for (const algo of algos) algo.remove();
  });
});

/** A fake that fails at one point. */
function failing(name: string, change: (definition: AlgorithmDefinition<FakeConfig>) => Partial<AlgorithmDefinition<FakeConfig>>): string {
  const definition = fakeAlgorithm(name);
  registerAlgorithm({ ...definition, ...change(definition) });
  return name;
}

const broken = (): never => {
  throw new Error('broken on purpose');
};
const FAILURES = [
  failing('fails in plan', () => ({ plan: broken })),
  failing('fails in create', () => ({ create: broken })),
  failing('lacks operators', ({ create }) => ({
    create: (context) => Object.create(create(context), { operators: { value: new Map() } }) as never,
  })),
  failing('fails in parameters', ({ create }) => ({
    create: (context) => Object.create(create(context), { parameters: { get: broken } }) as never,
  })),
  failing('fails in dispose too', ({ create }) => ({
    create: (context) => {
      const algorithm = create(context);
      const dispose = (): never => (algorithm.dispose(), broken());
      return Object.create(algorithm, { operators: { value: new Map() }, dispose: { value: dispose } }) as never;
    },
  })),
];

describeBackends('a compression that fails on the way', () => {
  it.each(FAILURES)('leaves model and memory as they were: one that %s', async (name) => {
    // Parameters are read for `fit` alone, which functional code has not.
    const models = name === 'fails in parameters' ? [smallSequential()] : [smallSequential(), functionalModel()];
    for (const model of models) {
      const targets = [model, ...('layers' in model ? model.layers : [])];
      const look = (): unknown => [targets.map((target) => Object.getOwnPropertyDescriptors(target)), tf.memory().numTensors];
      if ('predict' in model) model.predict(tf.zeros([1, 8, 8, 3]));
      const before = look();
      const both = { input_info: { sample_size: [1, 8, 8, 3] }, compression: [{ algorithm: 'fake' }, { algorithm: name }] };
      await expect(createCompressionAlgorithm(model, both)).rejects.toThrow(/broken on purpose|names the operator/u);
      expect(look()).toEqual(before);
      const algo = await createCompressionAlgorithm(model, { ...both, ...config });
      algo.remove();
      algo.remove();
      expect(look()).toEqual(before);
    }
  });
});
