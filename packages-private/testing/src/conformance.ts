import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCompressionAlgorithm,
  registerAlgorithm,
  traceModel,
  validate,
  type AlgorithmDefinition,
  type CompressibleModel,
  type JsonObject,
  type ModelCompression,
  type NncfConfig,
} from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { functionalModel, sharedModel, smallSequential } from './models.ts';
import { describeBackends } from './backends.ts';

/** What the suite is told of an algorithm. */
export interface ConformanceOptions {
  /** A section without its `algorithm` key that makes the algorithm act. */
  readonly config: JsonObject;
  /** Whether training changes parameters of the algorithm's own. */
  readonly trained: boolean;
  /** Whether the compressed model computes something else than the original right after initialization. */
  readonly changesOutput: boolean;
}

const IMAGE = [8, 8, 3] as const;

const images = (count: number, seed = 7): tf.Tensor => tf.randomNormal([count, ...IMAGE], 0, 1, 'float32', seed);
const predict = (model: tfl.LayersModel, x: tf.Tensor): number[] => tf.tidy(() => [...(model.predict(x) as tf.Tensor).dataSync()]);

/**
 * The rules that every compression method keeps, as tests on every backend. An algorithm's own conformance test is one
 * call of this function.
 */
export function testAlgorithm<Config>(definition: AlgorithmDefinition<Config>, options: ConformanceOptions): void {
  const nncfConfig: NncfConfig = { compression: { algorithm: definition.name, ...options.config } };
  const compress = async <Model extends CompressibleModel>(model: Model, extra: NncfConfig = {}): Promise<ModelCompression<Model>> => {
    const algo = await createCompressionAlgorithm(model, { ...nncfConfig, ...extra }, { warn: () => undefined });
    return algo;
  };
  beforeAll(() => registerAlgorithm(definition));
  describe(`${definition.name}: configuration and plan`, () => testPlan(definition, options));
  describeBackends(`${definition.name} keeps the rules`, () => {
    testModels(compress, options);
    testTraining(compress, options);
    testState(compress);
  });
}

type Compress = <Model extends CompressibleModel>(model: Model, extra?: NncfConfig) => Promise<ModelCompression<Model>>;

function testPlan<Config>(definition: AlgorithmDefinition<Config>, options: ConformanceOptions): void {
  beforeAll(() => tf.setBackend('cpu'));

  it('accepts an empty section and its own options', () => {
    expect(() => validate(definition.schema, {}, '/compression')).not.toThrow();
    expect(() => validate(definition.schema, options.config, '/compression')).not.toThrow();
  });

  it('refuses an unknown key with its pointer', () => {
    expect(() => validate(definition.schema, { no_such_key: 1 }, '/compression')).toThrow(/"no_such_key" at \/compression\/no_such_key/u);
  });

  it('plans the same twice, as plain data, without tensors', () => {
    const { graph } = traceModel(smallSequential());
    const config = validate(definition.schema, options.config, '/compression');
    const context = { config, pointer: '/compression', targetDevice: 'ANY', inputInfo: [], earlier: [], warn: () => undefined };
    const tensors = tf.memory().numTensors;
    const plan = definition.plan(graph, context);
    expect(plan.length).toBeGreaterThan(0);
    expect(definition.plan(graph, context)).toEqual(plan);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
    expect(tf.memory().numTensors).toBe(tensors);
  });
}

function testModels(compress: Compress, options: ConformanceOptions): void {
  it('leaves a model without weights alone', async () => {
    const model = tfl.sequential({ layers: [tfl.layers.maxPooling2d({ poolSize: 2, inputShape: [...IMAGE] })] });
    const x = images(2);
    const before = predict(model, x);
    const algo = await compress(model);
    await algo.initialize([x]);
    expect(predict(model, x)).toEqual(before);
    expect(Number.isFinite(algo.loss().dataSync()[0])).toBe(true);
    expect(Object.keys(algo.statistics())).toHaveLength(1);
    algo.remove();
  });

  it('gives a shared layer one operator on its weight', async () => {
    const model = sharedModel();
    const algo = await compress(model);
    const weights = algo.plan.commands.filter((command) => command.target === 'weight').map((command) => command.values[0]);
    expect(new Set(weights).size).toBe(weights.length);
    const x = tf.randomNormal([2, 6, 6, 2], 0, 1, 'float32', 3);
    await algo.initialize([x]);
    model.compile({ loss: 'meanSquaredError', optimizer: tf.train.sgd(0.01) });
    await model.fit(x, x, { epochs: 2, batchSize: 2, verbose: 0, callbacks: [algo.callback() as never] });
    algo.remove();
  });

  it('serves functional code', async () => {
    const model = functionalModel();
    const algo = await compress(model, { input_info: { sample_size: [1, ...IMAGE] } });
    await algo.initialize([images(2)]);
    const out = algo.model.call(images(2), { training: false }) as tf.Tensor;
    expect(out.shape).toEqual([2, 4]);
    algo.remove();
  });

  it('comes out again without a trace, also after a throw in a forward pass', async () => {
    const model = smallSequential();
    const x = images(2);
    const before = predict(model, x);
    const algo = await compress(model);
    await algo.initialize([x]);
    if (options.changesOutput) expect(predict(model, x)).not.toEqual(before);
    throwInside(model);
    algo.remove();
    expect(predict(model, x)).toEqual(before);
    expect(Object.hasOwn(tf.engine(), 'runKernel')).toBe(false);
  });
}

function throwInside(model: tfl.LayersModel): void {
  const layer = model.getLayer('conv2');
  const own = layer.call;
  layer.call = () => {
    throw new Error('broken layer');
  };
  expect(() => model.predict(images(2))).toThrow('broken layer');
  layer.call = own;
}

function testTraining(compress: Compress, options: ConformanceOptions): void {
  it('trains in fit, its own parameters too', async () => {
    const model = smallSequential();
    const algo = await compress(model);
    await algo.initialize([images(4)]);
    const before = algo.parameters.map(({ variable }) => [...variable.dataSync()]);
    const weight = [...(model.getWeights()[0]?.dataSync() ?? [])];
    model.compile({ loss: 'categoricalCrossentropy', optimizer: tf.train.sgd(0.5) });
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
    const history = await model.fit(images(4), labels, { epochs: 4, batchSize: 2, verbose: 0, callbacks: [algo.callback() as never] });
    expect(history.history['loss']?.every((loss) => Number.isFinite(Number(loss)))).toBe(true);
    expect([...(model.getWeights()[0]?.dataSync() ?? [])]).not.toEqual(weight);
    if (options.trained) expect(algo.parameters.map(({ variable }) => [...variable.dataSync()])).not.toEqual(before);
    algo.remove();
  });

  it('leaks no tensor over training steps', async () => {
    const model = smallSequential();
    const algo = await compress(model);
    const [x, y] = [images(2), tf.oneHot(tf.tensor1d([1, 2], 'int32'), 5)];
    await algo.initialize([x]);
    const optimizer = tf.train.sgd(0.01);
    const step = (): void => {
      const task = (): tf.Scalar => tf.losses.meanSquaredError(y, model.apply(x, { training: true }) as tf.Tensor);
      optimizer.minimize(() => tf.add(task(), algo.loss()));
      algo.scheduler.step();
    };
    step();
    algo.scheduler.epochStep();
    step();
    const { numTensors } = tf.memory();
    for (let i = 0; i < 20; i++) step();
    algo.scheduler.epochStep();
    algo.statistics();
    expect(tf.memory().numTensors).toBe(numTensors);
    algo.remove();
  });
}

function testState(compress: Compress): void {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nncf-conformance-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('goes on from a checkpoint as if never stopped', async () => {
    const first = smallSequential();
    const algo = await compress(first);
    await algo.initialize([images(4)]);
    algo.scheduler.step();
    algo.scheduler.epochStep();
    await algo.saveCheckpoint(join(folder, 'state.safetensors'), { extra: { epoch: 1 } });
    const second = smallSequential();
    const resumed = await compress(second);
    expect(await resumed.loadCheckpoint(join(folder, 'state.safetensors'))).toEqual({ epoch: 1 });
    expect(resumed.state()).toEqual(algo.state());
    expect(predict(second, images(3))).toEqual(predict(first, images(3)));
    algo.remove();
    resumed.remove();
  });

  it('refuses the state of another model and keeps its own', async () => {
    const algo = await compress(smallSequential());
    await algo.initialize([images(4)]);
    const before = algo.state();
    const other = await compress(sharedModel());
    await other.initialize([tf.randomNormal([2, 6, 6, 2])]);
    expect(() => algo.loadState(other.state())).toThrow(expect.objectContaining({ code: 'STATE_MISMATCH' }) as Error);
    expect(algo.state()).toEqual(before);
    algo.remove();
    other.remove();
  });
}
