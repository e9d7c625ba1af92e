import type { CalibrationData } from '@nncf/core';
import { functionalModel, sharedModel, smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { expect, it, vi } from 'vitest';
import { quantize, type QuantizeOptions } from '../src/index.ts';
import { expectNear, numbers } from './arrays.ts';

const LOW_BITS: QuantizeOptions = { config: { weights: { bits: 2 } } };

/** Two inputs of 0 and 1, each sample with a 1 in it: values that eight unsigned bits hold exactly. */
const bits = (): tf.Tensor2D =>
  tf.tensor2d([
    [1, 0],
    [1, 1],
    [0, 1],
    [1, 0],
  ]);

function dense({ useBias = true, units = 2 } = {}): tfl.Sequential {
  const model = tfl.sequential({ layers: [tfl.layers.dense({ units, inputShape: [2], useBias, name: 'fc' })] });
  const kernel = tf.tensor2d([1, 0.4, 0.3, -2], [2, 2]);
  model.setWeights(useBias ? [kernel, tf.tensor1d([0.5, -0.5])] : [kernel]);
  return model;
}

/** Coarse weights, and activations of which nothing is cut off or lost. */
const NEARLY_EXACT: QuantizeOptions = {
  activationRange: { type: 'min_max' },
  config: { weights: { bits: 3 }, activations: { bits: 16 } },
};

interface LayerArgs {
  readonly shape?: number[];
}

const normal = (seed: number): ReturnType<typeof tfl.initializers.randomNormal> => tfl.initializers.randomNormal({ stddev: 0.4, seed });
const conv = (name: string, seed: number, more: object = {}): tfl.layers.Layer =>
  tfl.layers.conv2d({
    filters: 3,
    kernelSize: 3,
    padding: 'same',
    name,
    kernelInitializer: normal(seed),
    ...more,
  });
const predict = (model: tfl.LayersModel, x: tf.Tensor): tf.Tensor => model.predict(x) as tf.Tensor;
/** Mean of every channel over samples and positions. */
const meansOf = (y: tf.Tensor): number[] => numbers(tf.mean(tf.reshape(y, [-1, y.shape.at(-1) ?? 1]), 0));

describeBackends('quantize', (backend) => {
  it('moves biases by (W − W′)·E[x]', async () => {
    const model = dense();
    const { algorithm, report } = await quantize(model, [bits()], LOW_BITS);
    // Two bits keep −1, 0 and 1 times the largest weight of a column: 0.3 and 0.4 are lost. The inputs' means are 0.75 and 0.5.
    expectNear(numbers(model.getWeights()[1] as tf.Tensor), [0.5 + 0.3 * 0.5, -0.5 + 0.4 * 0.75], 1e-6);
    expect(report.biasCorrection).toEqual([{ layer: 'fc/MatMul_0', into: 'bias', largestShift: expect.closeTo(0.3, 5) }]);
    expectNear(meansOf(predict(model, bits())), [0.75 + 0.3 * 0.5 + 0.5, 0.4 * 0.75 - 1 - 0.5], 1e-6);
    algorithm.remove();
  });

  it('keeps biases without correction, and says where a shift can go nowhere', async () => {
    const kept = dense();
    const { report } = await quantize(kept, [bits()], { ...LOW_BITS, biasCorrection: false });
    expect(numbers(kept.getWeights()[1] as tf.Tensor)).toEqual([0.5, -0.5]);
    expect(report.biasCorrection).toEqual([]);
    const bare = await quantize(dense({ useBias: false }), [bits()], LOW_BITS);
    expect(bare.report.biasCorrection).toEqual([{ layer: 'fc/MatMul_0', reason: 'it has no bias, and no batch normalization follows' }]);
    const shared = await quantize(sharedModel(), [tf.ones([1, 6, 6, 2])]);
    expect(new Set(shared.report.biasCorrection.map(({ reason }) => reason))).toEqual(new Set(['its bias nested/shared/bias is shared']));
  });

  it.each<[string, string, LayerArgs, (seed: number) => tfl.layers.Layer[]]>([
    ['a convolution with borders', 'bias', {}, (seed) => [conv('own', seed)]],
    ['a convolution with strides', 'bias', {}, (seed) => [conv('own', seed, { strides: 2 })]],
    [
      'batch normalization behind a convolution',
      'batch normalization',
      {},
      (seed) => [conv('own', seed, { useBias: false }), tfl.layers.batchNormalization({ name: 'bn' })],
    ],
    [
      'a depthwise convolution',
      'bias',
      {},
      (seed) => [tfl.layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, name: 'own', depthwiseInitializer: normal(seed) })],
    ],
    [
      'a transposed convolution',
      'bias',
      {},
      (seed) => [tfl.layers.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2, name: 'own', kernelInitializer: normal(seed) })],
    ],
    [
      'rows of a sequence',
      'bias',
      { shape: [5, 4] },
      (seed) => [tfl.layers.dense({ units: 3, name: 'own', kernelInitializer: normal(seed) })],
    ],
    [
      'a convolution in one dimension',
      'bias',
      { shape: [9, 4] },
      (seed) => [tfl.layers.conv1d({ filters: 3, kernelSize: 3, padding: 'same', name: 'own', kernelInitializer: normal(seed) })],
    ],
  ])('keeps the mean of every channel: %s', async (_name, into, { shape = [6, 6, 2] }, layers) => {
    const input = tfl.input({ shape });
    const output = layers(2).reduce((y, layer) => layer.apply(y) as tfl.SymbolicTensor, input);
    const model = tfl.model({ inputs: input, outputs: output });
    const norm = model.layers.find(({ name }) => name === 'bn');
    norm?.setWeights(
      [
        [2, 1, 0.5],
        [0.1, 0.2, 0.3],
        [0.3, -0.2, 0],
        [2, 0.5, 1],
      ].map((x) => tf.tensor1d(x)),
    );
    const x = tf.randomUniform([6, ...shape], 0, 1, 'float32', 9);
    const expected = meansOf(predict(model, x));
    const { report } = await quantize(model, tf.split(x, 2), NEARLY_EXACT);
    expectNear(meansOf(predict(model, x)), expected, 1e-4, Math.max(...expected.map(Math.abs)));
    expect(report.biasCorrection).toEqual([{ layer: expect.stringMatching(/^own/u), into, largestShift: expect.any(Number) }]);
    expect(report.biasCorrection[0]?.largestShift).toBeGreaterThan(1e-3);
  });

  it('takes the mean of what batches want', async () => {
    const model = dense();
    const whole = dense();
    await quantize(model, tf.split(bits(), 4), LOW_BITS);
    await quantize(whole, [bits()], LOW_BITS);
    expectNear(numbers(model.getWeights()[1] as tf.Tensor), numbers(whole.getWeights()[1] as tf.Tensor), 1e-6);
  });

  it('takes the ranges that it is told: the mean over samples of their extremes, unsigned where nothing is negative', async () => {
    const x = tf.tensor2d([
      [1, -3],
      [2, 1],
    ]);
    const asked: QuantizeOptions = { biasCorrection: false, activationRange: { type: 'mean_sample_min_max' } };
    const { algorithm } = await quantize(dense(), tf.split(x, 2), asked);
    const parameters = Object.fromEntries(
      algorithm.parameters.map(({ name, variable }) => [name.split('/').slice(-2).join('/'), variable]),
    );
    expectNear(numbers(parameters['kernel/scale'] as tf.Tensor), [1, 2], 1e-6);
    const [input] = algorithm.parameters.filter(({ name }) => !name.includes('kernel'));
    expectNear(numbers(input?.variable as tf.Tensor), [2.5], 1e-6);
    const positive = await quantize(dense(), [bits()]);
    expect(JSON.stringify(positive.algorithm.state())).toContain('"signed":false');
  });

  it('makes activations asymmetric under "mixed", with zero in the range', async () => {
    const { algorithm } = await quantize(dense(), [tf.tensor2d([[2, 6]])], { preset: 'mixed' });
    const parameters = Object.fromEntries(
      algorithm.parameters.map(({ name, variable }) => [name.split('/').at(-1) ?? '', variable] as const),
    );
    expectNear(numbers(parameters['input_low'] as tf.Tensor), [0], 1e-6);
    expectNear(numbers(parameters['input_range'] as tf.Tensor), [6], 1e-6);
  });

  it('keeps tiny weights apart, where training would start from a floor of 0.1', async () => {
    const model = dense();
    model.setWeights([tf.tensor2d([0.001, 0.002, 0.0005, 0.001], [2, 2]), tf.zeros([2])]);
    const { algorithm } = await quantize(model, [bits()]);
    const kernel = algorithm.parameters.find(({ name }) => name.includes('kernel'));
    expectNear(numbers(kernel?.variable as tf.Tensor), [0.001, 0.002], 1e-6);
  });

  it('reads arrays, generators, records and tf.data alike, and leaves no tensor behind', async () => {
    const x = bits();
    const items = (): tf.Tensor[] => tf.split(x, 2);
    const sources: readonly (() => CalibrationData)[] = [
      () => items(),
      () =>
        (function* () {
          yield* items();
        })(),
      () =>
        (async function* () {
          for (const xs of items()) yield { xs, ys: tf.zeros([2, 1]) };
        })(),
      () => ({
        iterator: async () => {
          let at = 0;
          return { next: async () => ({ value: at < 4 ? tf.slice(x, [at, 0], [2, 2]) : undefined, done: (at += 2) > 4 }) };
        },
      }),
    ];
    const biases: number[][] = [];
    for (const source of sources) {
      const model = dense();
      const before = tf.memory().numTensors;
      const { algorithm } = await quantize(model, source(), LOW_BITS);
      biases.push(numbers(model.getWeights()[1] as tf.Tensor));
      const given = source === sources[0] ? 2 : 0;
      algorithm.remove();
      expect(tf.memory().numTensors - before).toBe(given);
    }
    for (const each of biases) expect(each).toEqual(biases[0]);
  });

  it('looks at subsetSize samples in whole batches, and tells how far it is', async () => {
    const seen: string[] = [];
    let given = 0;
    const data: CalibrationData = {
      *[Symbol.iterator]() {
        for (const batch of [bits(), bits(), bits()]) yield (given++, batch);
      },
    };
    const progress = (stage: string, done: number, total: number): void => void seen.push(`${stage} ${done}/${total}`);
    await quantize(dense(), data, { subsetSize: 6, progress });
    // The first batch tells the batch size; then two for the ranges and two for the search among them.
    expect(given).toBe(5);
    expect(seen).toEqual(['ranges 1/2', 'ranges 2/2', 'range search 4/6', 'range search 6/6']);
  });

  it('serves functional code', async () => {
    const inputInfo = { sample_size: [1, 8, 8, 3] };
    const { algorithm } = await quantize(functionalModel(), [tf.ones([2, 8, 8, 3])], { inputInfo });
    expect(algorithm.statistics()['quantization']?.values['activeQuantizers']).toBeGreaterThan(3);
    algorithm.remove();
  });

  if (backend !== 'cpu') return;

  it.each<[string, CalibrationData, QuantizeOptions, RegExp]>([
    ['SUBSET_INVALID', [], { subsetSize: 0 }, /subsetSize .* found 0/u],
    ['SUBSET_INVALID', [], { subsetSize: 2.5 }, /found 2\.5/u],
    ['SMOOTH_QUANT_INVALID', [], { smoothQuant: 1.5 }, /found 1\.5/u],
    ['CALIBRATION_EMPTY', [], {}, /no batch/u],
    ['CALIBRATION_INVALID', [tf.zeros([2, 3])], {}, /Batch 0/u],
    ['DATA_NOT_FINITE', [tf.zeros([1, 2]), tf.tensor2d([[1, Number.NaN]])], {}, /Batch 1/u],
    ['SCOPE_UNMATCHED', [], { config: { target_scopes: 'nothing' } }, /nothing/u],
  ])('refuses with %s and leaves the model as it was', async (code, data, options, message) => {
    const model = dense();
    const x = tf.tensor2d([[0.3, 0.7]]);
    const before = numbers(predict(model, x));
    const error: unknown = await quantize(model, data, options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) as string });
    expect(numbers(predict(model, x))).toEqual(before);
    (await quantize(model, [bits()])).algorithm.remove();
  });

  it('puts weights back when a layer turns out not to be finite', async () => {
    const model = smallSequential();
    const algorithmOf = (data: CalibrationData): Promise<unknown> => quantize(model, data, { smoothQuant: true });
    const weights = model.getWeights().map(numbers);
    const endless = tf.fill([2, 8, 8, 3], 3e38);
    await expect(algorithmOf([endless])).rejects.toMatchObject({ code: 'RANGE_NOT_FINITE' });
    expect(model.getWeights().map(numbers)).toEqual(weights);
  });

  it('leaves ignored operations alone, and warns of what matches nothing', async () => {
    const warn = vi.fn();
    const ignoredScope = { names: ['conv1', 'conv9'], patterns: ['^den'], types: ['Einsum'] };
    const { algorithm } = await quantize(smallSequential(), [tf.ones([2, 8, 8, 3])], { ignoredScope, warn });
    const quantized = algorithm.plan.commands.filter(({ target }) => target === 'weight').flatMap(({ values }) => values);
    expect(quantized).toEqual(['conv2/kernel']);
    expect(warn.mock.calls.map(([message]) => String(message))).toEqual([
      expect.stringMatching(/the name "conv9" matches nothing .* conv1, /u),
      expect.stringMatching(/the type "Einsum" matches nothing/u),
    ]);
  });
});
