import {
  constantScheduler,
  createCompressionAlgorithm,
  defineAlgorithm,
  groupedOptimizer,
  registerAlgorithm,
  type CompressionAlgorithm,
  type TensorOperator,
} from '@nncf/core';
import { smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { describeBackends } from '@nncf/testing/backends';

const values = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

describeBackends('groupedOptimizer', () => {
  const setUp = (): { weight: tf.Variable; logits: tf.Variable; loss: () => tf.Scalar; optimizer: tf.Optimizer } => {
    const [weight, logits] = [tf.variable(tf.tensor1d([1, -2])), tf.variable(tf.tensor1d([3, 4]))];
    const loss = (): tf.Scalar => tf.add(tf.sum(tf.mul(weight, 10)), tf.sum(tf.mul(logits, [0.5, -7])));
    const optimizer = groupedOptimizer(tf.train.sgd(0.1), [{ name: 'logits', variable: logits, learningRate: 1e-3 }]);
    return { weight, logits, loss, optimizer };
  };

  it('steps each variable by the optimizer of its group', () => {
    const { weight, logits, loss, optimizer } = setUp();
    optimizer.minimize(loss);
    values(weight).forEach((value, i) => expect(value).toBeCloseTo([0, -3][i] as number, 5));
    values(logits).forEach((value, i) => expect(value).toBeCloseTo([3 - 1e-3, 4 + 1e-3][i] as number, 5));
    optimizer.minimize(loss, false, [weight]);
    values(weight).forEach((value, i) => expect(value).toBeCloseTo([-1, -4][i] as number, 5));
    values(logits).forEach((value, i) => expect(value).toBeCloseTo([3 - 1e-3, 4 + 1e-3][i] as number, 5));
    optimizer.dispose();
  });

  it('goes on with its slots as if never stopped', async () => {
    const whole = setUp();
    whole.optimizer.minimize(whole.loss);
    const stopped = setUp();
    stopped.optimizer.minimize(stopped.loss);
    const resumed = groupedOptimizer(tf.train.sgd(0.1), [{ name: 'logits', variable: stopped.logits, learningRate: 1e-3 }]);
    const slots = await stopped.optimizer.getWeights();
    await resumed.setWeights(slots.map(({ name, tensor }) => ({ name, tensor: tensor.clone() })));
    whole.optimizer.minimize(whole.loss);
    resumed.minimize(stopped.loss);
    expect(values(stopped.logits)).toEqual(values(whole.logits));
    expect(values(stopped.weight)).toEqual(values(whole.weight));
  });

  it('keeps the slots of a variable that a step leaves alone', () => {
    const [a, b, wishing] = [[1, 1], [2, 2, 2], [0]].map((value) => tf.variable(tf.tensor1d(value))) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const optimizer = groupedOptimizer(tf.train.momentum(0.1, 0.5), [{ name: 'w', variable: wishing, learningRate: 1 }]);
    const only = (f: () => tf.Tensor): void => void optimizer.minimize(() => tf.sum(f()) as tf.Scalar, false, [a, b, wishing]);
    only(() => tf.mul(b, 10));
    only(() => tf.add(tf.sum(tf.mul(a, 20)), tf.sum(tf.mul(b, 10))));
    // The velocity of b: 10, then 0.5·10 + 10; that of a begins with 20.
    values(a).forEach((value) => expect(value).toBeCloseTo(1 - 2, 5));
    values(b).forEach((value) => expect(value).toBeCloseTo(2 - 1 - 1.5, 5));
    expect(values(wishing)).toEqual([0]);
  });

  it('steps without a list of variables though some get their first gradient later', () => {
    // Names of variables that are made without one are numbers, and those stand first among the keys of an object.
    const late = tf.variable(tf.tensor1d([5]));
    const weight = tf.variable(tf.tensor1d([1, 1]), true, `weight${late.id}`);
    const optimizer = groupedOptimizer(tf.train.adam(0.1), [{ name: 'late', variable: late }], [weight]);
    const reference = [tf.variable(tf.tensor1d([1, 1])), tf.variable(tf.tensor1d([5]))] as const;
    const adam = tf.train.adam(0.1);
    const loss = ([w, l]: readonly [tf.Variable, tf.Variable], begun: boolean): tf.Scalar =>
      tf.add(tf.sum(tf.square(w)), begun ? tf.sum(tf.square(l)) : 0);
    for (const begun of [false, false, true, true]) {
      optimizer.minimize(() => loss([weight, late], begun));
      adam.minimize(() => loss(reference, begun), false, [...reference]);
    }
    expect([values(weight), values(late)]).toEqual(reference.map(values));
  });

  it('shows and sets rate and count of the main optimizer', () => {
    for (const make of [tf.train.sgd, tf.train.adam]) {
      const weight = tf.variable(tf.scalar(1));
      const optimizer = groupedOptimizer(make(0.5), [], [weight]);
      Object.assign(optimizer, { learningRate: 0.25 });
      expect(optimizer).toHaveProperty('learningRate', 0.25);
      optimizer.minimize(() => tf.mul(weight, 2));
      expect(weight.dataSync()[0]).toBeCloseTo(make === tf.train.sgd ? 0.5 : 0.75, 4);
      expect(optimizer.iterations).toBe(1);
    }
  });

  it('frees its old slots when it gets others', async () => {
    const { optimizer, loss } = setUp();
    const momentum = groupedOptimizer(tf.train.momentum(0.1, 0.9), [], [tf.variable(tf.scalar(1))]);
    for (const each of [optimizer, momentum]) {
      each.minimize(loss);
      const slots = await each.getWeights();
      const copies = slots.map(({ name, tensor }) => ({ name, tensor: tf.clone(tensor) }));
      const { numTensors } = tf.memory();
      await each.setWeights(copies);
      expect(tf.memory().numTensors).toBe(numTensors);
      each.minimize(loss);
    }
  });

  it('refuses slots of other variables and of other groups', async () => {
    const [a, b] = [tf.variable(tf.zeros([2])), tf.variable(tf.zeros([3]))];
    const taken = groupedOptimizer(tf.train.adam(0.1), [], [b, a]);
    taken.minimize(() => tf.add(tf.sum(a), tf.sum(b)));
    const slots = await taken.getWeights();
    const own = groupedOptimizer(tf.train.adam(0.1), [], [a, b]);
    await expect(own.setWeights(slots)).rejects.toThrow(/of other variables/u);
    const grouped = groupedOptimizer(tf.train.adam(0.1), [{ name: 'a', variable: a, learningRate: 1 }], [b]);
    await expect(grouped.setWeights(slots)).rejects.toThrow(/other parameter groups/u);
    await expect(own.setWeights(await grouped.getWeights())).rejects.toThrow(/other parameter groups/u);
  });

  it('is the main optimizer itself when nothing wishes', () => {
    const main = tf.train.sgd(0.1);
    expect(groupedOptimizer(main, [{ name: 'scale', variable: tf.variable(tf.scalar(1)) }])).toBe(main);
  });
});

/** Two parameters; the second, made first, is at work after a step of the schedule. */
const lateAlgorithm = defineAlgorithm({
  name: 'late',
  schema: z.strictObject({ rate: z.number().optional() }),
  plan: (graph) => {
    const { nodes } = graph;
    return nodes
      .filter(({ op }) => op === 'Conv2D')
      .map(({ name, inputs }, i) => ({
        algorithm: 'late',
        operator: `late/${i}`,
        target: 'weight' as const,
        transform: 'mask' as const,
        points: [{ node: name, port: 1 }],
        values: [graph.values[inputs[1] ?? -1]?.name ?? ''],
        description: 'times a factor',
        spec: {},
      }));
  },
  create: ({ config, commands }): CompressionAlgorithm => {
    const variables = commands.map(() => tf.variable(tf.scalar(1))).toReversed();
    let begun = false;
    const operators = commands.map(({ operator }, i): [string, TensorOperator] => [
      operator,
      { kind: 'late', parameters: variables, apply: (x) => (i === 0 || begun ? tf.mul(x, variables[i] as tf.Variable) : x) },
    ]);
    return {
      name: 'late',
      stateVersion: 1,
      operators: new Map(operators),
      parameters: variables.map((variable, i) => ({ name: `p${i}`, variable, learningRate: i === 0 ? config.rate : undefined })),
      scheduler: { ...constantScheduler, step: () => void (begun = true) },
      initialize: async () => undefined,
      stage: () => 'FULLY_COMPRESSED',
      statistics: () => ({ values: {}, tables: [] }),
      state: () => ({ json: {}, tensors: {} }),
      loadState: () => undefined,
      dispose: () => variables.forEach((variable) => variable.dispose()),
    };
  },
});

describeBackends('the optimizer of a compression', () => {
  beforeAll(() => registerAlgorithm(lateAlgorithm));

  const x = (): tf.Tensor => tf.randomNormal([2, 8, 8, 3], 0, 1, 'float32', 5);
  const labels = (): tf.Tensor => tf.oneHot(tf.tensor1d([0, 1], 'int32'), 5);

  it('works with Adam and minimize(f) when parameters start later', async () => {
    const model = smallSequential({ rate: 0 });
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'late' } });
    const optimizer = algo.optimizer(tf.train.adam(0.01));
    const late = algo.parameters[1]?.variable;
    for (let i = 0; i < 3; i++) {
      optimizer.minimize(() => tf.losses.meanSquaredError(labels(), model.apply(x(), { training: true }) as tf.Tensor));
      expect(late?.dataSync()[0] === 1).toBe(i === 0);
      algo.scheduler.step();
    }
    algo.remove();
  });

  it.each([undefined, 0.001])('is saved with the model as one that any program can load, rate of a parameter %s', async (rate) => {
    const model = smallSequential({ rate: 0 });
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'late', rate } as never });
    model.compile({ loss: 'categoricalCrossentropy', optimizer: algo.optimizer(tf.train.adam(0.01)) });
    await model.fit(x(), labels(), { epochs: 2, batchSize: 2, verbose: 0 });
    const moments = await model.optimizer.getWeights();
    const check = async (): Promise<void> => {
      let saved: tf.io.ModelArtifacts = {};
      await model.save(
        tf.io.withSaveHandler(
          async (artifacts) => ((saved = artifacts), { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) }),
        ),
        {
          includeOptimizer: true,
        },
      );
      const loaded = await tfl.loadLayersModel(tf.io.fromMemory(saved));
      expect(loaded.optimizer.getClassName()).toBe('Adam');
      const slots = await loaded.optimizer.getWeights();
      const kernel = moments.find(({ name }) => /conv1\/kernel.*\/m$/u.test(name))?.tensor as tf.Tensor;
      expect(values(slots.find(({ name }) => /conv1\/kernel.*\/m$/u.test(name))?.tensor as tf.Tensor)).toEqual(values(kernel));
      await loaded.fit(x(), labels(), { epochs: 1, batchSize: 2, verbose: 0 });
    };
    await check();
    algo.remove();
    await check();
    expect(Object.hasOwn(model, 'save')).toBe(false);
  });
});
