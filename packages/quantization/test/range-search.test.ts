import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { quantize, type QuantizeOptions } from '../src/index.ts';
import { numbers } from './arrays.ts';

/** A product with one input and one output, x·w + b, and perhaps a ReLU6 behind it. */
function scaling(weight: number, bias: number, relu6 = false): tfl.LayersModel {
  const layers: tfl.layers.Layer[] = [tfl.layers.dense({ units: 1, inputShape: [1], name: 'fc' })];
  if (relu6) layers.push(tfl.layers.reLU({ maxValue: 6, name: 'relu6' }));
  const model = tfl.sequential({ layers });
  model.setWeights([tf.tensor2d([weight], [1, 1]), tf.tensor1d([bias])]);
  return model;
}

const column = (values: readonly number[]): tf.Tensor2D => tf.tensor2d([...values], [values.length, 1]);

/** Largest value of the grid on which the first layer's input is rounded. */
async function top(model: tfl.LayersModel, data: readonly tf.Tensor[], options: QuantizeOptions = {}): Promise<number> {
  const { algorithm } = await quantize(model, data, {
    biasCorrection: false,
    ...options,
    config: { weights: { bits: 16 }, ...options.config },
  });
  const large = numbers(model.predict(column([1e6])) as tf.Tensor)[0]!;
  const [weight = 1, bias = 0] = model.getWeights().map((variable) => numbers(variable)[0]!);
  algorithm.remove();
  return (large - bias) / weight;
}

/** Of the shares 0.775^i the one with the least squared error relative to the results, computed with plain numbers. */
function bestTop(values: readonly number[], f: (x: number) => number, levels: number): number {
  const whole = Math.max(...values);
  const error = (range: number): number => {
    const step = range / (levels - 1);
    const terms = values.map((x) => {
      const rounded = Math.min(Math.max(Math.round(x / step), 0), levels - 1) * step;
      return (f(rounded) - f(x)) ** 2 / (1.1 * f(x) ** 2 + 1e-30);
    });
    return terms.reduce((sum, term) => sum + term, 0);
  };
  const tops = Array.from({ length: 10 }, (_, i) => whole * 0.775 ** i);
  return tops.reduce((best, each) => (error(each) < error(best) ? each : best));
}

/** Many values below 1 and one of 4. */
const OUTLIER = [...Array.from({ length: 31 }, (_, i) => 0.15 + 0.027 * i), 4];

describeBackends('ranges of post-training quantization', () => {
  it.each([3, 4, 8])('are those of least error in %i bits', async (bits) => {
    const f = (x: number): number => 2 * x + 0.25;
    const found = await top(scaling(2, 0.25), [column(OUTLIER)], { config: { activations: { bits } } });
    expect(found).toBeCloseTo(bestTop(OUTLIER, f, 2 ** bits), 4);
  });

  it('are narrower where few levels make the many suffer for the one', async () => {
    const [few, many] = await Promise.all([
      top(scaling(1, 0), [column(OUTLIER)], { config: { activations: { bits: 3 } } }),
      top(scaling(1, 0), [column(OUTLIER)], { config: { activations: { bits: 16 } } }),
    ]);
    expect(few).toBeLessThan(2);
    expect(many).toBeCloseTo(4, 4);
  });

  it('leave out what ReLU6 cuts off', async () => {
    const values = Array.from({ length: 32 }, (_, i) => (i + 1) * 2);
    const f = (x: number): number => Math.min(6, 0.4 * x);
    const model = scaling(0.4, 0, true);
    const { algorithm } = await quantize(model, [column(values)], { biasCorrection: false, config: { weights: { bits: 16 } } });
    const result = numbers(model.predict(column(values)) as tf.Tensor);
    algorithm.remove();
    // All of 0 … 64 has steps of 0.25, and 0.1 in the result; whatever is above 15 is 6 in any case.
    const worst = Math.max(...values.map((x, i) => Math.abs(result[i]! - f(x))));
    expect(worst).toBeLessThan(0.03);
  });

  it('are what an estimator says where one is named', async () => {
    const named: QuantizeOptions = { activationRange: { type: 'min_max' }, config: { activations: { bits: 3 } } };
    expect(await top(scaling(1, 0), [column(OUTLIER)], named)).toBeCloseTo(4, 4);
    const range = { type: 'min_max', num_init_samples: 32 } as const;
    const configured: QuantizeOptions = { config: { activations: { bits: 3 }, initializer: { range } } };
    expect(await top(scaling(1, 0), [column(OUTLIER)], configured)).toBeCloseTo(4, 4);
  });

  it('of a sum are searched on the sum itself, and no tensor is left', async () => {
    const input = tfl.input({ shape: [3] });
    const sum = tfl.layers.add({ name: 'sum' }).apply([input, input]) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: tfl.layers.dense({ units: 2, name: 'fc' }).apply(sum) as tfl.SymbolicTensor });
    const x = tf.tidy(() => tf.randomNormal([32, 3], 0, 1, 'float32', 5));
    const before = tf.memory().numTensors;
    const first = await quantize(model, [x]);
    first.algorithm.remove();
    const kept = tf.memory().numTensors;
    const second = await quantize(model, [x]);
    second.algorithm.remove();
    expect(tf.memory().numTensors).toBe(kept);
    expect(kept).toBeGreaterThanOrEqual(before);
  });

  it('are searched once all samples of a small set are seen', async () => {
    const shown: [string, number, number][] = [];
    const { algorithm } = await quantize(scaling(1, 0), [column([0.5, 1]), column([2, 4])], {
      subsetSize: 4,
      progress: (stage, done, total) => void shown.push([stage, done, total]),
    });
    algorithm.remove();
    expect(shown.filter(([stage]) => stage === 'range search')).toEqual([
      ['range search', 2, 4],
      ['range search', 4, 4],
    ]);
  });
});
