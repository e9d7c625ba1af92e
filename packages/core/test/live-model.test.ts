import {
  checkPlan,
  createCompressionAlgorithm,
  registerAlgorithm,
  traceModel,
  type ModelCompression,
  type NncfConfig,
  type PlanCommand,
  type TensorOperator,
} from '@nncf/core';
import { branchedModel, fakeAlgorithm, functionalModel, sharedModel, smallSequential, type FakeLog } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeEach, expect, it } from 'vitest';
import { adapterFor } from '../src/graph/model-adapter.ts';
import { LiveModel } from '../src/patch/live-model.ts';

const log: FakeLog = { applied: [] };
registerAlgorithm(fakeAlgorithm('fake', log));

const config = (factor: number): NncfConfig => ({ compression: { algorithm: 'fake', factor } });
const images = (count = 2): tf.Tensor => tf.randomNormal([count, 8, 8, 3], 0, 1, 'float32', 5);
const predict = (model: tfl.LayersModel, x: tf.Tensor): number[] => [...(model.predict(x) as tf.Tensor).dataSync()];
/** The same weights in every run, so that no activation is dead by chance. */
const drawn = (seed: number): { kernelInitializer: ReturnType<typeof tfl.initializers.heNormal> } => ({
  kernelInitializer: tfl.initializers.heNormal({ seed }),
});
const factorOf = (algo: ModelCompression<unknown>): number => algo.parameters[0]?.variable.dataSync()[0] ?? Number.NaN;

beforeEach(() => {
  log.applied.length = 0;
});

describeBackends('a compressed model', () => {
  it('computes the same in prediction and in training where the layers do', async () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.conv2d({ filters: 3, kernelSize: 3, inputShape: [8, 8, 3], activation: 'relu', name: 'fused', ...drawn(1) }),
        tfl.layers.conv2d({ filters: 3, kernelSize: 3, name: 'linear', ...drawn(2) }),
        tfl.layers.depthwiseConv2d({
          kernelSize: 3,
          name: 'depthwise',
          activation: 'relu6',
          depthwiseInitializer: drawn(3).kernelInitializer,
        } as never),
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 16, activation: 'relu', name: 'dense', ...drawn(4) }),
        tfl.layers.dense({ units: 2, name: 'last', ...drawn(5) }),
      ],
    });
    const algo = await createCompressionAlgorithm(model, config(0.7));
    const x = images();
    const predicted = predict(model, x);
    const operators = log.applied.map((each) => each.operator);
    log.applied.length = 0;
    const loss = (): tf.Scalar => tf.sum(tf.square(model.apply(x, { training: true }) as tf.Tensor));
    let trained: Float32Array = new Float32Array();
    const { grads } = tf.variableGrads(() => {
      const y = model.apply(x, { training: true }) as tf.Tensor;
      trained = y.dataSync() as Float32Array;
      return tf.sum(tf.square(y));
    });
    predicted.forEach((value, i) => expect(trained[i]).toBeCloseTo(value, 5));
    expect(log.applied.map((each) => each.operator)).toEqual(operators);
    expect(operators).toHaveLength(10);
    expect(log.applied.every((each) => each.training)).toBe(true);
    // Every weight and the factor get a gradient, the factor the right one.
    const names = Object.keys(grads);
    for (const weight of model.trainableWeights) expect(names).toContain((weight.read() as tf.Variable).name);
    const factor = algo.parameters[0]?.variable as tf.Variable;
    const slope = grads[factor.name]?.dataSync()[0] ?? Number.NaN;
    const at = (value: number): number => (factor.assign(tf.scalar(value)), tf.tidy(() => loss().dataSync()[0] ?? Number.NaN));
    const numeric = (at(0.701) - at(0.699)) / 0.002;
    expect(Math.abs(slope - numeric)).toBeLessThan(0.02 * Math.abs(numeric));
  });

  it("trains the parameters in fit, steps the schedule, and saves only the author's weights", async () => {
    const model = smallSequential();
    const names = model.weights.map((weight) => weight.originalName);
    model.compile({ loss: 'categoricalCrossentropy', optimizer: tf.train.sgd(0.1) });
    const algo = await createCompressionAlgorithm(model, config(0.9));
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
    await model.fit(images(4), y, { epochs: 2, batchSize: 2, verbose: 0, callbacks: [algo.callback() as never] });
    const first = factorOf(algo);
    expect(first).not.toBe(Math.fround(0.9));
    model.compile({ loss: 'categoricalCrossentropy', optimizer: tf.train.sgd(0.1) });
    await model.fit(images(4), y, { epochs: 1, batchSize: 2, verbose: 0 });
    expect(factorOf(algo)).not.toBe(first);
    let saved: string[] = [];
    await model.save({
      save: async (artifacts) => {
        saved = (artifacts.weightSpecs ?? []).map((spec) => spec.name);
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      },
    });
    expect(saved).toEqual(names);
  });

  it('is as it was after remove(), bit for bit', async () => {
    const model = smallSequential();
    const x = images();
    const before = predict(model, x);
    const keys = Object.getOwnPropertyNames(model).concat(...model.layers.map((layer) => Object.getOwnPropertyNames(layer)));
    const tensors = tf.memory().numTensors;
    const algo = await createCompressionAlgorithm(model, config(0.5));
    expect(predict(model, x)).not.toEqual(before);
    algo.remove();
    expect(predict(model, x)).toEqual(before);
    expect(Object.getOwnPropertyNames(model).concat(...model.layers.map((layer) => Object.getOwnPropertyNames(layer)))).toEqual(keys);
    const results = 2;
    expect(tf.memory().numTensors).toBe(tensors + results);
    const again = await createCompressionAlgorithm(model, config(1));
    expect(predict(model, x)).toEqual(before);
    again.remove();
  });

  it('is whole again after a throw in the middle of a forward pass', async () => {
    const model = smallSequential();
    const x = images();
    const algo = await createCompressionAlgorithm(model, config(0.5));
    const good = predict(model, x);
    const bad = model.getLayer('conv2');
    const call = bad.call;
    bad.call = () => {
      throw new Error('broken layer');
    };
    expect(() => model.predict(x)).toThrow('broken layer');
    expect(Object.hasOwn(tf.engine(), 'runKernel')).toBe(false);
    expect(Object.hasOwn(tf.engine(), 'customGrad')).toBe(false);
    bad.call = call;
    expect(predict(model, x)).toEqual(good);
    algo.remove();
  });

  it('does not touch another compressed model in the process', async () => {
    const [one, two] = [smallSequential(), smallSequential()];
    two.setWeights(one.getWeights());
    const x = images();
    const alone = predict(two, x);
    const first = await createCompressionAlgorithm(one, config(0.5));
    expect(predict(two, x)).toEqual(alone);
    const second = await createCompressionAlgorithm(two, config(1));
    expect(predict(two, x)).toEqual(alone);
    expect(predict(one, x)).not.toEqual(alone);
    first.remove();
    expect(predict(one, x)).toEqual(alone);
    second.remove();
  });

  it('keeps its speed and its memory over many steps', async () => {
    const model = smallSequential();
    const algo = await createCompressionAlgorithm(model, config(1));
    const [x, y] = [images(1), tf.oneHot(tf.tensor1d([1], 'int32'), 5)];
    const optimizer = tf.train.sgd(0.01);
    const step = (): void =>
      void optimizer.minimize(() => tf.tidy(() => tf.mean(tf.sub(y, model.apply(x, { training: true }) as tf.Tensor)) as tf.Scalar));
    step();
    const { numTensors, numBytes } = tf.memory();
    for (let i = 0; i < 300; i++) step();
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(tf.memory().numBytes).toBe(numBytes);
    expect(log.applied).toHaveLength(301 * 6);
    algo.remove();
  });

  it('counts the calls of shared layers in fit as in predict', async () => {
    const model = sharedModel();
    const algo = await createCompressionAlgorithm(model, config(1));
    const x = tf.randomNormal([2, 6, 6, 2]);
    const order = (run: () => void): string[] => {
      log.applied.length = 0;
      run();
      return log.applied.map((each) => each.operator);
    };
    const predicted = order(() => void model.predict(x));
    expect(new Set(predicted).size).toBe(5);
    model.compile({ loss: 'meanSquaredError', optimizer: 'sgd' });
    log.applied.length = 0;
    await model.fit(x, x, { epochs: 3, batchSize: 2, verbose: 0 });
    expect(log.applied.map((each) => each.operator)).toEqual([...predicted, ...predicted, ...predicted]);
    algo.remove();
  });

  it('serves several inputs and outputs, evaluate and fitDataset-like loops', async () => {
    const model = branchedModel();
    const algo = await createCompressionAlgorithm(model, config(1));
    // The losses of outputs of different rank cannot be added unless they are scalars.
    const loss = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.mean(tf.squaredDifference(a, b));
    model.compile({ loss: [loss, loss], optimizer: 'sgd' });
    const xs = [tf.randomNormal([2, 8, 8, 3]), tf.randomNormal([2, 8, 8, 4])];
    const ys = [tf.zeros([2, 8, 8, 4]), tf.zeros([2, 3])];
    const [before] = model.evaluate(xs, ys, { batchSize: 2 }) as tf.Scalar[];
    await model.fit(xs, ys, { epochs: 5, batchSize: 2, verbose: 0 });
    const [after] = model.evaluate(xs, ys, { batchSize: 2 }) as tf.Scalar[];
    expect(after?.dataSync()[0]).toBeLessThan(before?.dataSync()[0] ?? 0);
    algo.remove();
  });

  it('works in functional code', async () => {
    const model = functionalModel();
    const { call } = model;
    const x = images();
    const before = [...(model.call(x, { training: false }) as tf.Tensor).dataSync()];
    const algo = await createCompressionAlgorithm(model, { ...config(1), input_info: { sample_size: [1, 8, 8, 3] } });
    expect([...(algo.model.call(x, { training: false }) as tf.Tensor).dataSync()]).toEqual(before);
    expect(log.applied).toHaveLength(4);
    const { grads } = tf.variableGrads(() => tf.sum(algo.model.call(x, { training: true }) as tf.Tensor));
    expect(Object.keys(grads)).toHaveLength(3);
    algo.remove();
    expect(model.call).toBe(call);
  });

  it('replaces results where a plan says so, in prediction and in training', async () => {
    const model = smallSequential({ rate: 0 });
    const x = images();
    const before = predict(model, x);
    const { graph } = traceModel(model);
    const output = graph.values[graph.outputs[0] ?? -1];
    const command: PlanCommand = {
      algorithm: 'double',
      operator: 'double/output',
      target: 'activation',
      transform: 'discretize',
      points: [{ node: graph.nodes[output?.producer ?? -1]?.name ?? '', port: 0, side: 'result' }],
      values: [output?.name ?? ''],
      description: 'doubled',
      spec: {},
    };
    checkPlan({ commands: [command] }, graph);
    const operator: TensorOperator = { kind: 'double', parameters: [], apply: (y) => tf.mul(y, 2) };
    const traced = traceModel(model);
    const live = new LiveModel(
      adapterFor(model, []),
      { commands: [command] },
      graph,
      new Map([['double/output', operator]]),
      traced.scopeCalls,
    );
    live.attach();
    predict(model, x).forEach((value, i) => expect(value).toBeCloseTo(2 * (before[i] ?? 0), 6));
    const gradients = tf.variableGrads(() => tf.sum(tf.square(model.apply(x, { training: true }) as tf.Tensor)));
    expect(Object.keys(gradients.grads).length).toBeGreaterThan(0);
    const doubled = predict(model, x);
    live.detach();
    expect(predict(model, x).map((value) => 2 * value)).toEqual(doubled);
  });

  it('shows observers what an operation reads, operators included, in scopes with operators and without', () => {
    const model = smallSequential({ rate: 0 });
    const traced = traceModel(model);
    const command: PlanCommand = {
      algorithm: 'double',
      operator: 'double/x',
      target: 'activation',
      transform: 'discretize',
      points: [{ node: 'conv2/Conv2D_0', port: 0 }],
      values: ['x'],
      description: 'doubled',
      spec: {},
    };
    const operator: TensorOperator = { kind: 'double', parameters: [], apply: (y) => tf.mul(y, 2) };
    const operators = new Map([['double/x', operator]]);
    const live = new LiveModel(adapterFor(model, []), { commands: [command] }, traced.graph, operators, traced.scopeCalls);
    const seen: Record<string, number[]> = {};
    const observe = (node: string): { node: string; see(operands: readonly tf.Tensor[]): void } => ({
      node,
      see: (operands) => void (seen[node] = operands.map((operand) => tf.sum(tf.abs(operand)).dataSync()[0] ?? 0)),
    });
    live.attach();
    const release = live.observe([observe('bn/FusedBatchNorm_0'), observe('conv2/Conv2D_0'), observe('nowhere/Add_0')]);
    const x = images();
    const normalized = tfl.model({ inputs: model.inputs, outputs: model.getLayer('bn').output as tfl.SymbolicTensor });
    predict(model, x);
    expect(Object.keys(seen)).toEqual(['bn/FusedBatchNorm_0', 'conv2/Conv2D_0']);
    const [read = 0, kernel] = seen['conv2/Conv2D_0'] ?? [];
    expect(kernel).toBeCloseTo(tf.sum(tf.abs(model.getLayer('conv2').getWeights()[0] as tf.Tensor)).dataSync()[0] ?? 0, 3);
    release();
    live.detach();
    const own = tf.sum(tf.abs(normalized.predict(x) as tf.Tensor)).dataSync()[0] ?? 0;
    expect(read / own).toBeCloseTo(2, 5);
  });

  it('keeps a later compression when an earlier one is removed twice, and the patch when compile fails', async () => {
    const { inputs, outputs } = smallSequential();
    const model = tfl.model({ inputs, outputs });
    const first = await createCompressionAlgorithm(model, config(0.5));
    first.remove();
    const second = await createCompressionAlgorithm(model, config(0.9));
    first.remove();
    model.compile({ loss: 'categoricalCrossentropy', optimizer: tf.train.sgd(0.1) });
    expect(() => model.compile({ loss: 'categoricalCrossentropy', optimizer: 'nope' })).toThrow(/optimizer/iu);
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
    await model.fit(images(4), y, { epochs: 1, batchSize: 2, verbose: 0 });
    expect(factorOf(second)).not.toBe(Math.fround(0.9));
    await expect(createCompressionAlgorithm(model, config(1))).rejects.toMatchObject({ code: 'ALREADY_COMPRESSED' });
    second.remove();
  });

  it('keeps the calls of a shared layer apart when another model uses the layer in between', async () => {
    const input = tfl.input({ shape: [6, 6, 2] });
    const conv = (name: string): tfl.layers.Layer => tfl.layers.conv2d({ filters: 2, kernelSize: 3, padding: 'same', name, ...drawn(1) });
    const [stem, shared] = [conv('stem'), conv('shared')];
    const once = shared.apply(stem.apply(input) as tfl.SymbolicTensor) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: shared.apply(once) as tfl.SymbolicTensor });
    const other = tfl.input({ shape: [6, 6, 2] });
    const part = tfl.model({ inputs: other, outputs: shared.apply(other) as tfl.SymbolicTensor });
    const algo = await createCompressionAlgorithm(model, config(1));
    const x = tf.randomNormal([1, 6, 6, 2]);
    const order = (): string[] => {
      log.applied.length = 0;
      model.predict(x);
      return log.applied.map((each) => each.operator);
    };
    const before = order();
    part.predict(x);
    expect(order()).toEqual(before);
    algo.remove();
  });

  it('stands beside a callback of tfjs', async () => {
    const model = smallSequential();
    const algo = await createCompressionAlgorithm(model, config(1));
    let [steps, epochs] = [0, 0];
    Object.defineProperty(algo, 'scheduler', { value: { step: () => steps++, epochStep: () => epochs++ } });
    model.compile({ loss: 'categoricalCrossentropy', optimizer: 'sgd' });
    const y = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
    const stopping = tfl.callbacks.earlyStopping({ monitor: 'loss', patience: 5 });
    await model.fit(images(4), y, { epochs: 2, batchSize: 2, verbose: 0, callbacks: [stopping, algo.callback() as never] });
    expect([steps, epochs]).toEqual([4, 2]);
    algo.remove();
  });

  it('refuses to compress twice, NaN weights, and one algorithm twice', async () => {
    const model = smallSequential();
    const algo = await createCompressionAlgorithm(model, config(1));
    await expect(createCompressionAlgorithm(model, config(1))).rejects.toMatchObject({ code: 'ALREADY_COMPRESSED' });
    algo.remove();
    await expect(createCompressionAlgorithm(model, { compression: [{ algorithm: 'fake' }, { algorithm: 'fake' }] })).rejects.toThrow(
      /\/compression\/1/u,
    );
    const bad = smallSequential();
    bad.setWeights(bad.getWeights().map((weight, i) => (i === 0 ? tf.fill(weight.shape, Number.NaN) : weight)));
    await expect(createCompressionAlgorithm(bad, config(1))).rejects.toThrow(/"conv1\/kernel" holds values that are not finite/u);
  });

  it('says how to install an algorithm that is not there', async () => {
    await expect(createCompressionAlgorithm(smallSequential(), { compression: { algorithm: 'low_rank' } })).rejects.toThrow(
      /npm install @nncf\/low-rank/u,
    );
  });
});
