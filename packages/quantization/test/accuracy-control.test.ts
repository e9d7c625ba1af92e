import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import '@nncf/onnx-exporter';
import { branchedModel } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { quantize, quantizeWithAccuracyControl, type AccuracyControlOptions } from '../src/index.ts';
import type { QuantizationController } from '../src/controller.ts';
import { operationGroups } from '../src/post-training/quantizer-groups.ts';
import { expectNear, numbers } from './arrays.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-accuracy-control-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const points = (seed: number): tf.Tensor2D => tf.randomUniform([64, 6], -1, 1, 'float32', seed);

/** Three dense layers; the first unit of `one` is a thousand times as loud as the others, which `two` makes up for. */
function broken(): tfl.LayersModel {
  const dense = (name: string, units: number, seed: number, activation: 'relu' | 'linear'): tfl.layers.Layer =>
    tfl.layers.dense({
      units,
      name,
      activation,
      kernelInitializer: tfl.initializers.randomNormal({ stddev: 0.7, seed }),
      ...(name === 'one' ? { inputShape: [6] } : {}),
    });
  const model = tfl.sequential({ layers: [dense('one', 12, 1, 'relu'), dense('two', 12, 2, 'relu'), dense('three', 4, 3, 'linear')] });
  const loud = tf.tensor1d([1000, ...Array.from({ length: 11 }, () => 1)]);
  const [one, bias] = model.getLayer('one').getWeights() as [tf.Tensor, tf.Tensor];
  const [two, second] = model.getLayer('two').getWeights() as [tf.Tensor, tf.Tensor];
  model.getLayer('one').setWeights([tf.mul(one, loud), tf.mul(bias, loud)]);
  model.getLayer('two').setWeights([tf.div(two, tf.reshape(loud, [12, 1])), second]);
  return model;
}

/** Nothing is cut off: of twelve values the largest is no outlier. */
const WHOLE: AccuracyControlOptions = { activationRange: { type: 'min_max' } };

const winners = (model: tfl.LayersModel, x: tf.Tensor): number[] => numbers(tf.argMax(model.predict(x) as tf.Tensor, 1));

/** Share of points on which the model answers as `expected` says. */
const agreement =
  (x: tf.Tensor, expected: readonly number[]) =>
  (model: tfl.LayersModel): number =>
    winners(model, x).filter((winner, i) => winner === expected[i]).length / expected.length;

const activeOf = (algorithm: { statistics(): unknown }): number =>
  (algorithm.statistics() as Record<string, { values: Record<string, number> }>)['quantization']?.values['activeQuantizers'] ?? 0;

async function onnxWinners(file: string, x: tf.Tensor): Promise<number[]> {
  const session = await ort.InferenceSession.create(file);
  const result = await session.run({
    [session.inputNames[0] as string]: new ort.Tensor('float32', Float32Array.from(x.dataSync()), x.shape),
  });
  const output = result[session.outputNames[0] as string] as ort.Tensor;
  return numbers(tf.argMax(tf.tensor(output.data as Float32Array, [...output.dims]), 1));
}

describeBackends('accuracy control', (backend) => {
  it('finds the broken layer, gives it back and no other, here and in the exported file', async () => {
    const model = broken();
    const [calibration, x] = [points(1), points(2)];
    const validationFn = agreement(x, winners(model, x));
    const options: AccuracyControlOptions = { maxDrop: 0.05, ...WHOLE };
    const { algorithm, report } = await quantizeWithAccuracyControl(model, [calibration], x, validationFn, options);
    expect(report).toMatchObject({ originalMetric: 1, reached: true });
    expect(report.quantizedMetric).toBeLessThan(0.9);
    expect(report.drop).toBeLessThanOrEqual(0.05);
    expect(report.steps.length).toBe(1);
    expect(report.steps[0]).toMatchObject({ operations: ['two/MatMul_0'], quantizers: ['two/kernel', 'one/Relu_0:0'], kept: true });
    expect(report.steps[0]?.reason).toMatch(/relative error of the outputs from [\d.]+ to [\d.]+/u);
    expect(validationFn(model)).toBe(report.metric);
    expect(activeOf(algorithm)).toBe(4);
    const file = join(folder, `${backend}.onnx`);
    await algorithm.exportModel(file);
    const exported = await onnxWinners(file, x);
    expect(winners(model, x).filter((winner, i) => winner === exported[i]).length).toBeGreaterThanOrEqual(63);
    // A checkpoint knows what was given back.
    const state = algorithm.state();
    algorithm.remove();
    const again = await quantize(model, [calibration], { biasCorrection: false });
    expect(activeOf(again.algorithm)).toBe(6);
    again.algorithm.loadState(state);
    expect(activeOf(again.algorithm)).toBe(4);
  });

  it('ranks by the metric where that is asked for', async () => {
    const model = broken();
    const x = points(2);
    const options: AccuracyControlOptions = { maxDrop: 0.05, rankBy: 'metric', dropType: 'relative', ...WHOLE };
    const { report } = await quantizeWithAccuracyControl(model, [points(1)], x, agreement(x, winners(model, x)), options);
    expect(report.reached).toBe(true);
    expect(report.steps[0]).toMatchObject({ operations: ['two/MatMul_0'] });
    expect(report.steps[0]?.reason).toMatch(/takes the metric from 0\.\d+ to (1|0\.9)/u);
  });

  it('changes nothing where the drop is small enough', async () => {
    const model = broken();
    const { algorithm, report } = await quantizeWithAccuracyControl(model, [points(1)], undefined, () => 0.7);
    expect(report).toMatchObject({ originalMetric: 0.7, quantizedMetric: 0.7, metric: 0.7, drop: 0, reached: true, steps: [] });
    expect(activeOf(algorithm)).toBe(6);
  });

  it('puts back what makes things worse, and in the end leaves nothing that could hurt', async () => {
    const model = broken();
    const weights = model.getWeights().map(numbers);
    const x = points(2);
    const expected = numbers(model.predict(x) as tf.Tensor);
    // In floating point, quantized, then after each step: worse, better, better, and the first once more.
    const metrics = [1, 0.5, 0.4, 0.6, 0.7, 1];
    const { algorithm, report } = await quantizeWithAccuracyControl(model, [points(1)], x, () => metrics.shift() ?? Number.NaN);
    expect(report.steps.map(({ kept, metric }) => [kept, metric])).toEqual([
      [false, 0.4],
      [true, 0.6],
      [true, 0.7],
      [true, 1],
    ]);
    expect(report.steps[3]?.operations).toEqual(report.steps[0]?.operations);
    expect(activeOf(algorithm)).toBe(0);
    expect(model.getWeights().map(numbers)).toEqual(weights);
    expectNear(numbers(model.predict(x) as tf.Tensor), expected, 1e-5, 1);
  });

  it('says when even floating point is not good enough', async () => {
    const metrics = [1];
    const { report } = await quantizeWithAccuracyControl(broken(), [points(1)], undefined, () => metrics.shift() ?? 0.5);
    expect(report).toMatchObject({ reached: false, drop: 0.5 });
    expect(report.steps.filter(({ kept }) => kept).length).toBe(3);
  });

  if (backend !== 'cpu') return;

  it('groups quantizers that only together free an operation', async () => {
    const { algorithm } = await quantize(branchedModel(), [[tf.ones([1, 8, 8, 3]), tf.ones([1, 8, 8, 4])]]);
    const controller = algorithm.algorithm('quantization') as QuantizationController;
    const groups = operationGroups(controller.source);
    const quantizers = groups.flatMap(({ quantizers: own }) => own);
    expect(new Set(quantizers).size).toBe(quantizers.length);
    expect(new Set(quantizers)).toEqual(new Set(controller.operators.values()));
    expect(groups.map(({ operations }) => operations)).toContainEqual(['left/Conv2D_0']);
    algorithm.remove();
  });

  it.each<[string, number[], AccuracyControlOptions]>([
    ['METRIC_INVALID', [Number.NaN], {}],
    ['METRIC_INVALID', [1, Number.POSITIVE_INFINITY], {}],
    ['MAX_DROP_INVALID', [1], { maxDrop: -1 }],
    ['MAX_DROP_INVALID', [1], { maxDrop: Number.NaN }],
  ])('refuses with %s and leaves the model as it was', async (code, metrics, options) => {
    const model = broken();
    const weights = model.getWeights().map(numbers);
    const done = quantizeWithAccuracyControl(model, [points(1)], undefined, () => metrics.shift() ?? 1, options);
    await expect(done).rejects.toMatchObject({ code });
    expect(model.getWeights().map(numbers)).toEqual(weights);
    (await quantize(model, [points(1)])).algorithm.remove();
  });
});
