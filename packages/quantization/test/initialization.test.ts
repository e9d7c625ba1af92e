import { createCompressionAlgorithm, registerAlgorithm, type JsonObject, type ModelCompression, type NncfError } from '@nncf/core';
import { functionalModel, smallSequential } from '@nncf/testing';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { quantization } from '../src/quantization.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerAlgorithm(quantization);
});

const compress = <Model extends tfl.LayersModel>(
  model: Model,
  section: JsonObject = {},
  warn = vi.fn(),
): Promise<ModelCompression<Model>> =>
  createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', ...section } }, { warn });

/** One dense layer without bias on two features: its input and its kernel are the only tensors that are quantized. */
function dense(): tfl.Sequential {
  const model = tfl.sequential({ layers: [tfl.layers.dense({ units: 2, inputShape: [2], useBias: false, name: 'fc' })] });
  model.setWeights([tf.tensor2d([0.5, -4, -1, 2], [2, 2])]);
  return model;
}

const parametersOf = (algo: ModelCompression<unknown>): Record<string, number[]> =>
  Object.fromEntries(algo.parameters.map(({ name, variable }) => [name, [...variable.dataSync()]]));

const data = (...batches: number[][][]): tf.Tensor[] => batches.map((batch) => tf.tensor2d(batch));

describe('ranges', () => {
  it('come from weights per channel and from the mean of batches', async () => {
    const algo = await compress(dense());
    await algo.initialize(data([[1, -2]], [[3, 4]], [[0, 6]]));
    const parameters = parametersOf(algo);
    expect(parameters['quantization/fc/kernel/scale']).toEqual([1, 4]);
    expect(parameters[`quantization/${algo.plan.commands[0]?.values[0]}/scale`]?.[0]).toBeCloseTo(4, 6);
    algo.remove();
  });

  it('look at as many samples as configured, in whole batches', async () => {
    const algo = await compress(dense(), { initializer: { range: { type: 'min_max', num_init_samples: 3 } } });
    const steps: number[] = [];
    await algo.initialize(
      data(
        [
          [1, 1],
          [1, 1],
        ],
        [
          [2, 2],
          [2, 2],
        ],
        [
          [9, 9],
          [9, 9],
        ],
      ),
      { progress: (_stage, done, total) => void steps.push(done, total) },
    );
    expect(Object.values(parametersOf(algo))[0]).toEqual([2]);
    expect(steps).toEqual([1, 2, 2, 2]);
    algo.remove();
  });

  it('stop reading a data set of unknown batch size when enough was seen', async () => {
    const algo = await compress(dense(), { initializer: { range: { type: 'min_max', num_init_samples: 3 } } });
    let given = 0;
    const batches = function* (): Generator<tf.Tensor> {
      for (const value of [1, 2, 9, 9, 9]) yield (given++, tf.fill([2, 2], value));
    };
    await algo.initialize(batches());
    expect(given).toBe(2);
    expect(Object.values(parametersOf(algo))[0]).toEqual([2]);
    algo.remove();
  });

  it('see the tensors as they are without any quantizer', async () => {
    const model = smallSequential();
    const x = tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 5);
    const last = tfl.model({ inputs: model.inputs, outputs: model.getLayer('flatten').output as tfl.SymbolicTensor });
    const peak = Math.max(...tf.abs(last.predict(x) as tf.Tensor).dataSync());
    const algo = await compress(model, { initializer: { range: { type: 'min_max' } } });
    await algo.initialize([x]);
    await algo.initialize([x]);
    const flatten = algo.plan.commands.find(({ points }) => points[0]?.node === 'flatten/Reshape_0');
    expect(parametersOf(algo)[`quantization/${flatten?.values[0]}/scale`]?.[0]).toBeCloseTo(peak, 5);
    algo.remove();
  });

  it('take the lowest and widest of asymmetric quantizers, zero tuned into the grid', async () => {
    const algo = await compress(dense(), { activations: { mode: 'asymmetric' }, weights: { mode: 'asymmetric', per_channel: false } });
    await algo.initialize(data([[-0.3, 0.7]]));
    const parameters = parametersOf(algo);
    expect(parameters['quantization/fc/kernel/input_low']).toEqual([-4]);
    expect(parameters['quantization/fc/kernel/input_range']).toEqual([6]);
    const input = [...algo.plan.commands].find(({ target }) => target === 'activation')?.values[0];
    expect(parameters[`quantization/${input}/input_range`]?.[0]).toBeCloseTo(1, 6);
    algo.remove();
  });

  it('start from one without data when no sample is asked for', async () => {
    const algo = await compress(dense(), { initializer: { range: { num_init_samples: 0 } } });
    await algo.initialize();
    expect(Object.values(parametersOf(algo))).toEqual([[1], [1, 4]]);
    expect(algo.statistics()['quantization']?.values['activeQuantizers']).toBe(2);
    algo.remove();
  });

  it('want data, and say for which quantizer', async () => {
    const algo = await compress(dense());
    await expect(algo.initialize()).rejects.toThrow(/first that of \S+_input/u);
    await expect(algo.initialize([])).rejects.toMatchObject({ code: 'CALIBRATION_EMPTY' });
    expect(algo.statistics()['quantization']?.values['activeQuantizers']).toBe(0);
    algo.remove();
  });

  it('refuse values that are not finite, name the quantizer and change nothing', async () => {
    const model = tfl.sequential({
      layers: [tfl.layers.dense({ units: 2, inputShape: [2], name: 'a' }), tfl.layers.dense({ units: 2, name: 'b' })],
    });
    const algo = await compress(model);
    model.getLayer('a').setWeights([tf.tensor2d([1, Number.NaN, 1, 1], [2, 2]), tf.zeros([2])]);
    const error = await algo.initialize(data([[1, 2]])).then(
      () => undefined,
      (reason: NncfError) => reason,
    );
    expect(error?.code).toBe('RANGE_NOT_FINITE');
    expect(error?.message).toContain('a/kernel');
    expect(algo.statistics()['quantization']?.values['activeQuantizers']).toBe(0);
    algo.remove();
  });

  it('serve functional code', async () => {
    const config = { input_info: { sample_size: [1, 8, 8, 3] }, compression: { algorithm: 'quantization' as const } };
    const algo = await createCompressionAlgorithm(functionalModel(), config);
    await algo.initialize([tf.randomNormal([2, 8, 8, 3])]);
    expect(algo.plan.commands.map(({ values }) => values[0])).toEqual(['input_0', 'kernel', 'stem/Relu_0:0', 'head/Mean_0:0', 'head']);
    expect(algo.statistics()['quantization']?.values['activeQuantizers']).toBe(5);
    algo.remove();
  });
});

describe('batch-norm adaptation', () => {
  const model = (): tfl.Sequential =>
    tfl.sequential({
      layers: [
        tfl.layers.conv2d({ filters: 2, kernelSize: 1, inputShape: [4, 4, 1], useBias: false, name: 'conv' }),
        tfl.layers.batchNormalization({ name: 'bn', momentum: 0.9 }),
      ],
    });
  const batch = (mean: number): tf.Tensor => tf.add(tf.randomNormal([8, 4, 4, 1], 0, 1, 'float32', 3), mean);
  const meanOf = (batches: tf.Tensor[]): number => tf.mean(tf.concat(batches)).dataSync()[0] ?? 0;
  const movingMean = (m: tfl.LayersModel): number => m.getLayer('bn').getWeights()[2]?.dataSync()[0] ?? 0;

  async function adapted(options: JsonObject, batches: tf.Tensor[], warn = vi.fn()): Promise<number> {
    const net = model();
    net.getLayer('conv').setWeights([tf.ones([1, 1, 1, 2])]);
    const algo = await compress(net, { initializer: { range: { num_init_samples: 8 }, batchnorm_adaptation: options } }, warn);
    await algo.initialize(batches);
    const result = movingMean(net);
    algo.remove();
    return result;
  }

  it('leaves the statistics alone unless asked for', async () => {
    const net = model();
    const algo = await compress(net);
    await algo.initialize([batch(5)]);
    expect(movingMean(net)).toBe(0);
    algo.remove();
  });

  it('moves them with the momentum of the layer', async () => {
    const batches = [batch(5), batch(5)];
    expect(await adapted({ num_bn_adaptation_samples: 16 }, batches)).toBeCloseTo(meanOf(batches) * (1 - 0.9 ** 2), 1);
    expect(await adapted({ num_bn_adaptation_steps: 1 }, batches)).toBeCloseTo(meanOf(batches) * 0.1, 1);
    expect(await adapted({ num_bn_adaptation_samples: 0 }, batches)).toBe(0);
  });

  it('forgets the old ones first', async () => {
    const warn = vi.fn();
    const batches = [batch(5), batch(5), batch(5), batch(5), batch(5)];
    // One batch tells the momentum, two are for forgetting, one for what comes after.
    const expected = meanOf(batches) * (1 - 0.1 ** 2 * 0.9);
    expect(await adapted({ num_bn_adaptation_steps: 1, num_bn_forget_steps: 2 }, batches, warn)).toBeCloseTo(expected, 1);
    expect(warn).not.toHaveBeenCalled();
  });

  it('wants to know how large a batch is', async () => {
    const net = model();
    const algo = await compress(net, { initializer: { range: { num_init_samples: 0 }, batchnorm_adaptation: {} } });
    await expect(
      algo.initialize(
        (function* () {
          yield batch(1);
        })(),
      ),
    ).rejects.toMatchObject({ code: 'BATCH_SIZE_UNKNOWN' });
    algo.remove();
  });
});
