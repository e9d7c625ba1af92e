import { createCompressionAlgorithm, type ModelCompression } from '@nncf/core';
import '@nncf/binarization';
import { smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StagedTrainingParams } from '@nncf/schedulers';
import { initialScale } from '../src/operators/initial-scale.ts';
import { expectNear, numbers } from './arrays.ts';

const STAGES: StagedTrainingParams = {
  activations_quant_start_epoch: 1,
  weights_quant_start_epoch: 2,
  lr_poly_drop_start_epoch: 3,
  lr_poly_drop_duration_epochs: 2,
  base_lr: 0.02,
  base_wd: 0.01,
};

type Algo = ModelCompression<LayersModel>;

const images = (count = 4): tf.Tensor => tf.randomNormal([count, 8, 8, 3], 0, 1, 'float32', 7);
const labels = (count = 4): tf.Tensor =>
  tf.oneHot(
    tf.tensor1d(
      Array.from({ length: count }, (_, i) => i % 5),
      'int32',
    ),
    5,
  );
const predict = (algo: Algo): number[] => numbers(algo.model.predict(images()) as tf.Tensor);
const parameter = (algo: Algo, name: string): number[] =>
  numbers(algo.parameters.find((each) => each.name === `binarization/${name}`)!.variable);

function compress(params: StagedTrainingParams | undefined, mode: 'xnor' | 'dorefa' = 'xnor'): Promise<Algo> {
  const model = smallSequential({ rate: 0 }) as LayersModel;
  return createCompressionAlgorithm(model, {
    compression: { algorithm: 'binarization', mode, ...(params === undefined ? {} : { params }) },
  });
}

/** A training run in epochs of two steps. */
function trainer(algo: Algo, make: () => tf.Optimizer): { optimizer: tf.Optimizer; epoch: () => void } {
  const optimizer = algo.optimizer(make());
  const step = (): void => {
    optimizer.minimize(
      () => tf.losses.softmaxCrossEntropy(labels(), algo.model.apply(images(), { training: true }) as tf.Tensor) as tf.Scalar,
    );
    algo.scheduler.step();
  };
  return { optimizer, epoch: () => (step(), step(), algo.scheduler.epochStep()) };
}

describe('the first scale', () => {
  it('is the smallest of the highest thousandth', () => {
    expect(initialScale(Float32Array.of(1, 5, -2), 'x')).toBe(5);
    const values = Float32Array.from({ length: 3000 }, (_, i) => (i * 7919) % 3000);
    expect(initialScale(values, 'x')).toBe(2997);
    // 0.001·1500 is 1.5, which rounds to 2.
    expect(
      initialScale(
        Float32Array.from({ length: 1500 }, (_, i) => i),
        'x',
      ),
    ).toBe(1498);
  });

  it('is positive, and refuses what is no number', () => {
    expect(initialScale(Float32Array.of(-3, -1, 0), 'x')).toBe(1e-3);
    for (const odd of [Number.NaN, Infinity])
      expect(() => initialScale(Float32Array.of(1, odd), 'conv/Conv2D_0')).toThrow(/conv\/Conv2D_0 binarizes hold (NaN|Infinity)/);
  });
});

describeBackends('the stages', () => {
  it('leave the model alone, then binarize activations from the first training batch on, then weights', async () => {
    const algo = await compress(STAGES);
    const { epoch, optimizer } = trainer(algo, () => tf.train.sgd(1));
    const plain = await createCompressionAlgorithm(smallSequential({ rate: 0 }) as LayersModel, {});
    expect(predict(algo)).toEqual(predict(plain));
    expect(algo.statistics()['binarization']?.values).toMatchObject({ stage: 1, binaryMultiplyAdds: 0, binarizedLayers: 2 });
    const before = parameter(algo, 'conv1/Conv2D_0/log_scale');
    epoch();
    // A step of the first stage gives the parameters gradients of zero.
    expect(parameter(algo, 'conv1/Conv2D_0/log_scale')).toEqual(before);
    expect(algo.statistics()['binarization']?.values).toMatchObject({ stage: 2, binaryMultiplyAdds: 0 });
    epoch();
    const top = Math.log(Math.max(...numbers(images())));
    // Two steps of training have moved it a little from where the first batch put it.
    expect(Math.abs(parameter(algo, 'conv1/Conv2D_0/log_scale')[0]! - top)).toBeLessThan(0.2);
    expect(parameter(algo, 'conv1/Conv2D_0/threshold_logits').some((value) => value !== 0)).toBe(true);
    const values = algo.statistics()['binarization']!.values;
    expect(values).toMatchObject({ stage: 3, binaryMultiplyAdds: values['plannedBinaryMultiplyAdds'] });
    epoch();
    expect(algo.statistics()['binarization']?.values['stage']).toBe(4);
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    for (const each of [algo, plain]) each.remove();
    optimizer.dispose();
  });

  it('count multiply-adds', async () => {
    const algo = await compress(undefined);
    // 6·6·4·27 and 2·2·4·36 of convolutions, 16·5 of the dense layer.
    const [binary, all] = [3888 + 576, 3888 + 576 + 80];
    await algo.initialize([images()]);
    const { values, tables } = algo.statistics()['binarization']!;
    expect(values['binaryMultiplyAdds']).toBeCloseTo(binary / all, 10);
    expect(tables[0]?.rows.map(([name, share, now]) => [name, share, now])).toEqual([
      ['conv1/Conv2D_0', '85.6 %', 'yes'],
      ['conv2/Conv2D_0', '12.7 %', 'yes'],
    ]);
    expect(tables[1]?.rows.map(([name]) => name)).toEqual(['dense/MatMul_0']);
    algo.remove();
  });

  it('take scales from calibration data where activations are binary from the start', async () => {
    const algo = await compress(undefined);
    await algo.initialize([images()]);
    expectNear(parameter(algo, 'conv1/Conv2D_0/log_scale'), [Math.log(Math.max(...numbers(images())))], 1e-6);
    const staged = await compress({ activations_quant_start_epoch: 1 });
    await staged.initialize([images()]);
    expect(parameter(staged, 'conv1/Conv2D_0/log_scale')).toEqual([0]);
    for (const each of [algo, staged]) each.remove();
  });

  it('prescribe learning rate and weight decay to any optimizer', async () => {
    const algo = await compress(STAGES);
    const main = tf.train.adam(5);
    const { epoch } = trainer(algo, () => main);
    const rates = Array.from({ length: 5 }, () => (epoch(), Reflect.get(main, 'learningRate') as number));
    // That of the second step of each epoch: half an epoch further.
    expectNear(rates, [0.02, 0.02, 0.02, 0.02 * 0.75 ** 2.1, 0.02 * 0.25 ** 2.1], 1e-9);
    algo.remove();
  });
});

describeBackends('a checkpoint', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nncf-binarization-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const OPTIMIZERS: Readonly<Record<string, () => tf.Optimizer>> = {
    momentum: () => tf.train.momentum(1, 0.9),
    adam: () => tf.train.adam(1),
  };

  it.each(Object.keys(OPTIMIZERS))(
    'of the second stage goes on into the third and the fourth as if never stopped, with %s',
    async (name) => {
      const [whole, stopped] = [await compress(STAGES), await compress(STAGES)];
      const [first, second] = [trainer(whole, OPTIMIZERS[name]!), trainer(stopped, OPTIMIZERS[name]!)];
      for (const { epoch } of [first, first, second, second]) epoch();
      const file = join(folder, `${name}.safetensors`);
      await stopped.saveCheckpoint(file, { optimizer: second.optimizer });
      const resumed = await compress(STAGES);
      const third = trainer(resumed, OPTIMIZERS[name]!);
      await resumed.loadCheckpoint(file, { optimizer: third.optimizer });
      expect(resumed.statistics()['binarization']?.values['stage']).toBe(3);
      for (const { epoch } of [first, first, third, third]) epoch();
      expect(resumed.statistics()['binarization']?.values['stage']).toBe(4);
      expect(predict(resumed)).toEqual(predict(whole));
      expect(resumed.state()).toEqual(whole.state());
      expect(resumed.model.getWeights().map(numbers)).toEqual(whole.model.getWeights().map(numbers));
      for (const each of [whole, stopped, resumed]) each.remove();
    },
  );

  it('of another way to binarize weights is refused', async () => {
    const [xnor, dorefa] = [await compress(undefined), await compress(undefined, 'dorefa')];
    const state = xnor.state();
    expect(() => dorefa.loadState(state)).toThrow(/weights are binarized by "xnor", the model's by "dorefa"/);
    for (const each of [xnor, dorefa]) each.remove();
  });

  it('that lacks a layer, or holds one more, is refused', async () => {
    const algo = await compress(undefined);
    const [saved] = algo.state();
    const initialized = { 'conv1/Conv2D_0': true };
    const withLayers = (layers: Record<string, boolean>): typeof saved => ({
      ...saved!,
      state: { ...saved!.state, json: { mode: 'xnor', initialized: layers } },
    });
    expect(() => algo.loadState([withLayers(initialized)!])).toThrow(/does not binarize what conv2\/Conv2D_0 reads/);
    expect(() => algo.loadState([withLayers({ ...initialized, 'conv2/Conv2D_0': true, other: true })!])).toThrow(
      /binarizes what other reads/,
    );
    algo.remove();
  });
});
