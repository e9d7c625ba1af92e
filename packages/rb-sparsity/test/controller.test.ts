import { createCompressionAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import '@nncf/rb-sparsity';
import { smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describe, expect, test } from 'vitest';

type Algo = ModelCompression<tfl.LayersModel>;

async function sparsify(section: JsonObject, model: tfl.LayersModel = smallSequential()): Promise<Algo> {
  return createCompressionAlgorithm(model, { compression: { algorithm: 'rb_sparsity', ...section } }, { warn: () => undefined });
}

const scalar = (tensor: tf.Tensor): number => tensor.dataSync()[0] as number;
const value = (algo: Algo, name: string): number => algo.statistics()['rb_sparsity']?.values[name] as number;
const linear = { schedule: 'polynomial', power: 1, sparsity_target: 0.6, sparsity_target_epoch: 2, sparsity_freeze_epoch: 3 };

/** One dense layer with the weights 1, 2, … and nothing else. */
function denseModel(inputs: number, units: number): tfl.LayersModel {
  const model = tfl.sequential({ layers: [tfl.layers.dense({ units, useBias: false, inputShape: [inputs], name: 'dense' })] });
  tf.tidy(() => model.setWeights([tf.reshape(tf.range(1, inputs * units + 1), [inputs, units])]));
  return model;
}

function firstLogits(algo: Algo): tf.Variable {
  const [parameter] = algo.parameters;
  if (parameter === undefined) throw new Error('the model has no gates');
  return parameter.variable;
}

function setLogits(algo: Algo, logits: readonly number[]): void {
  const variable = firstLogits(algo);
  tf.tidy(() => variable.assign(tf.tensor([...logits], variable.shape)));
}

describeBackends('loss and schedule', () => {
  test('untouched gates lose by the distance to the level, and nothing once frozen', async () => {
    const algo = await sparsify({ sparsity_init: 0.2, params: linear });
    const seen = [0, 1, 2, 3].map(() => {
      const found = [value(algo, 'level'), scalar(algo.loss())];
      algo.scheduler.epochStep();
      return found;
    });
    [0.2, 0.4, 0.6, 0.6].forEach((level, i) => expect(seen[i]?.[0]).toBeCloseTo(level, 9));
    [16, 64, 144, 0].forEach((loss, i) => expect(seen[i]?.[1]).toBeCloseTo(loss, 2));
    algo.remove();
  });

  test('exponential by default', async () => {
    const algo = await sparsify({ params: { sparsity_target: 0.6, sparsity_target_epoch: 2 } });
    algo.scheduler.epochStep();
    expect(value(algo, 'level')).toBeCloseTo(1 - Math.sqrt(0.4), 9);
    algo.remove();
  });

  test('adaptive rises with the gates', async () => {
    const algo = await sparsify({ sparsity_init: 0.2, params: { schedule: 'adaptive', sparsity_target: 0.4 } }, denseModel(2, 5));
    algo.scheduler.epochStep();
    expect(value(algo, 'level')).toBe(0.2);
    setLogits(algo, [-1, -1, 1, 1, 1, 1, 1, 1, 1, 1]);
    algo.scheduler.epochStep();
    expect(value(algo, 'level')).toBeCloseTo(0.25, 9);
    algo.remove();
  });

  test('local: every layer has the level to itself', async () => {
    const algo = await sparsify({ sparsity_init: 0.2, params: { sparsity_level_setting_mode: 'local' } });
    expect(scalar(algo.loss())).toBeCloseTo(((3 * 0.2) / 0.05) ** 2, 2);
    algo.remove();
  });

  test('statistics', async () => {
    const algo = await sparsify({ sparsity_init: 0.2 }, denseModel(2, 2));
    setLogits(algo, [-1, 1, 0, 3]);
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const open = (sigmoid(-1) + sigmoid(1) + sigmoid(0) + sigmoid(3)) / 4;
    expect(value(algo, 'sparsityLevel')).toBe(0.5);
    expect(value(algo, 'modelSparsityLevel')).toBe(0.5);
    expect(value(algo, 'targetLevel')).toBe(0.5);
    expect(value(algo, 'meanSparseProbability')).toBeCloseTo(1 - open, 6);
    expect(algo.statistics()['rb_sparsity']?.tables[0]?.rows).toEqual([
      ['dense/kernel', '[2, 2]', '50.0 %', '100.0 %', `${((1 - open) * 100).toFixed(1)} %`],
    ]);
    algo.remove();
  });
});

describeBackends('gates', () => {
  test('prediction is deterministic, training draws once an optimizer step', async () => {
    const algo = await sparsify({}, denseModel(16, 16));
    setLogits(
      algo,
      Array.from({ length: 256 }, (_, i) => (i % 2 === 0 ? 0.2 : -0.2)),
    );
    const run = (training: boolean): number[] => [...(algo.model.apply(tf.ones([1, 16]), { training }) as tf.Tensor).dataSync()];
    expect(run(false)).toEqual(run(false));
    const drawn = run(true);
    expect(drawn).not.toEqual(run(false));
    expect(run(true)).toEqual(drawn);
    algo.scheduler.step();
    expect(run(true)).toEqual(drawn);
    const optimizer = tf.train.sgd(1e-6);
    optimizer.minimize(() => tf.sum(algo.model.apply(tf.ones([1, 16]), { training: true }) as tf.Tensor) as tf.Scalar);
    expect(run(true)).not.toEqual(drawn);
    algo.remove();
  });

  test('another seed draws other gates, layers draw apart', async () => {
    const draws = async (seed: number): Promise<number[]> => {
      const algo = await sparsify({ params: { seed } }, denseModel(16, 16));
      setLogits(
        algo,
        Array.from({ length: 256 }, () => 0),
      );
      const drawn = [...(algo.model.apply(tf.ones([1, 16]), { training: true }) as tf.Tensor).dataSync()];
      algo.remove();
      return drawn;
    };
    expect(await draws(1)).toEqual(await draws(1));
    expect(await draws(1)).not.toEqual(await draws(2));
  });

  test('frozen gates stay, also under an optimizer with momentum', async () => {
    const algo = await sparsify({ params: { sparsity_freeze_epoch: 1 } }, denseModel(4, 4));
    setLogits(
      algo,
      Array.from({ length: 16 }, (_, i) => (i % 3 === 0 ? -0.001 : 0.001)),
    );
    const optimizer = tf.train.adam(0.1);
    const mask = (): boolean[] => {
      const rows = tf.eye(4);
      return [...(algo.model.apply(rows, { training: false }) as tf.Tensor).dataSync()].map((weight) => weight !== 0);
    };
    const step = (): void =>
      void optimizer.minimize(() => tf.add(tf.sum(algo.model.apply(tf.ones([1, 4]), { training: true }) as tf.Tensor), algo.loss()));
    step();
    algo.scheduler.epochStep();
    const settled = mask();
    const logits = [...firstLogits(algo).dataSync()];
    for (let i = 0; i < 5; i++) step();
    expect([...firstLogits(algo).dataSync()]).not.toEqual(logits);
    expect(mask()).toEqual(settled);
    expect(value(algo, 'sparsityLevel')).toBeCloseTo(settled.filter((open) => !open).length / 16, 6);
    algo.remove();
  });
});

/** Batches of a task that a linear model can learn from some of its inputs. */
function regression(step: number): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const x = tf.randomNormal([32, 12], 0, 1, 'float32', 100 + step) as tf.Tensor2D;
  return { x, y: tf.sum(tf.slice(x, [0, 0], [-1, 4]), 1, true) as tf.Tensor2D };
}

function trainer(algo: Algo, optimizer: tf.Optimizer): (from: number, to: number) => void {
  return (from, to) => {
    for (let step = from; step < to; step++) {
      tf.tidy(() => {
        const { x, y } = regression(step);
        optimizer.minimize(() => tf.add(tf.losses.meanSquaredError(y, algo.model.apply(x, { training: true }) as tf.Tensor), algo.loss()));
      });
      algo.scheduler.step();
      if (step % 10 === 9) algo.scheduler.epochStep();
    }
  };
}

const quick = {
  sparsity_init: 0.1,
  params: { schedule: 'polynomial', sparsity_target: 0.5, sparsity_target_epoch: 4, sparsity_freeze_epoch: 12, mask_learning_rate: 0.2 },
};

function regressionModel(): tfl.LayersModel {
  const init = tfl.initializers.randomNormal({ stddev: 0.4, seed: 5 });
  return tfl.sequential({
    layers: [
      tfl.layers.dense({ units: 20, inputShape: [12], activation: 'relu', kernelInitializer: init, name: 'hidden' }),
      tfl.layers.dense({ units: 1, kernelInitializer: init, name: 'out' }),
    ],
  });
}

describeBackends('training', () => {
  test('reaches the target within a point, and learns', async () => {
    const algo = await sparsify(quick, regressionModel());
    const optimizer = algo.optimizer(tf.train.sgd(0.05));
    const error = (): number =>
      tf.tidy(() => scalar(tf.losses.meanSquaredError(regression(999).y, algo.model.predict(regression(999).x) as tf.Tensor)));
    const before = error();
    trainer(algo, optimizer)(0, 160);
    expect(Math.abs(value(algo, 'sparsityLevel') - 0.5)).toBeLessThanOrEqual(0.01);
    expect(error()).toBeLessThan(before / 3);
    expect(algo.stage()).toBe('FULLY_COMPRESSED');
    algo.remove();
    optimizer.dispose();
  });

  test.each([7, 20, 64, 135])('killed after step %d and resumed gives the same weights, gates and levels', async (killed) => {
    const whole = await sparsify(quick, regressionModel());
    trainer(whole, whole.optimizer(tf.train.momentum(0.05, 0.9)))(0, 140);

    const first = await sparsify(quick, regressionModel());
    const optimizer = first.optimizer(tf.train.momentum(0.05, 0.9));
    trainer(first, optimizer)(0, killed);
    const [state, slots] = [first.state(), await optimizer.getWeights()];

    const second = await sparsify(quick, regressionModel());
    second.loadState(JSON.parse(JSON.stringify(state), reviveTensors) as typeof state);
    second.model.setWeights(first.model.getWeights());
    const resumed = second.optimizer(tf.train.momentum(0.05, 0.9));
    await resumed.setWeights(slots.map(({ name, tensor }) => ({ name, tensor: tensor.clone() })));
    trainer(second, resumed)(killed, 140);

    expect(second.state()).toEqual(whole.state());
    expect(second.model.getWeights().map((weight) => [...weight.dataSync()])).toEqual(
      whole.model.getWeights().map((weight) => [...weight.dataSync()]),
    );
    for (const algo of [whole, first, second]) algo.remove();
  });
});

/** Typed arrays come out of JSON as objects with the positions as keys. */
function reviveTensors(key: string, content: unknown): unknown {
  if (key === 'data' && typeof content === 'object' && content !== null) return Object.values(content);
  if (typeof content !== 'object' || content === null || !('dtype' in content) || !('data' in content)) return content;
  const data = content.data as number[];
  return { ...content, data: content.dtype === 'float32' ? Float32Array.from(data) : Uint8Array.from(data) };
}

describe('configuration', () => {
  test.each<[JsonObject, string, string]>([
    [{ params: { schedule: 'cubic' } }, 'CONFIG_INVALID', '/compression/params/schedule'],
    [{ sparsity_init: -0.1 }, 'CONFIG_INVALID', '/compression/sparsity_init'],
    [{ params: { mask_learning_rate: 0 } }, 'CONFIG_INVALID', '/compression/params/mask_learning_rate'],
    [{ params: { weight_importance: 'abs' } }, 'CONFIG_UNKNOWN_KEY', 'weight_importance'],
    [{ target_scopes: 'nowhere' }, 'SCOPE_UNMATCHED', '/compression/target_scopes/0'],
  ])('%j is %s', async (section, code, where) => {
    await tf.setBackend('cpu');
    const made = sparsify(section);
    await expect(made).rejects.toThrow(expect.objectContaining({ code }));
    await expect(made).rejects.toThrow(where);
  });

  test('the logits wish for their own learning rate', async () => {
    const algo = await sparsify({});
    expect(algo.parameters.map(({ learningRate }) => learningRate)).toEqual([1e-3, 1e-3, 1e-3]);
    algo.remove();
  });
});
