import { createCompressionAlgorithm, registerAlgorithm, type JsonObject, type ModelCompression } from '@nncf/core';
import { smallSequential } from '@nncf/testing';
import '@nncf/testing/backends';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantization } from '../src/quantization.ts';

beforeAll(async () => {
  await tf.setBackend('cpu');
  registerAlgorithm(quantization);
});

const images = (): tf.Tensor => tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 7);

interface Attempt {
  readonly algo: ModelCompression<tfl.LayersModel>;
  readonly warnings: readonly string[];
}

async function compress(section: JsonObject = {}, device = 'ANY', model: tfl.LayersModel = smallSequential()): Promise<Attempt> {
  const warnings: string[] = [];
  const config = { target_device: device, compression: { algorithm: 'quantization', ...section } };
  const algo = await createCompressionAlgorithm(model, config, { warn: (message) => warnings.push(message) });
  return { algo, warnings };
}

/** The error of an initialization: code, and message with hint. */
async function failure(algo: Attempt['algo'], data?: readonly tf.Tensor[]): Promise<{ code: string; text: string }> {
  const error: unknown = await algo.initialize(data).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: expect.any(String) as string, hint: expect.any(String) as string });
  const { code, message, hint } = error as { code: string; message: string; hint: string };
  return { code, text: `${message} ${hint}` };
}

describe('an initialization says what it lacks', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])('a weight that is %s: which quantizer, and where to look', async (value) => {
    const model = smallSequential();
    const { algo } = await compress({}, 'ANY', model);
    const before = algo.state();
    const kernel = model.getLayer('conv2').getWeights()[0] as tf.Tensor;
    model.getLayer('conv2').setWeights([tf.fill(kernel.shape, value), tf.zeros([4])]);
    const { code, text } = await failure(algo, [images()]);
    expect(code).toBe('RANGE_NOT_FINITE');
    expect(text).toContain('the quantizer of conv2/kernel');
    expect(text).toContain('Look for NaN');
    expect(algo.state()).toEqual(before);
    algo.remove();
  });

  it('an activation that overflows', async () => {
    const model = smallSequential();
    const { algo } = await compress({}, 'ANY', model);
    model.getLayer('conv1').setWeights([tf.fill([3, 3, 3, 4], 3e38), tf.zeros([4])]);
    const { code, text } = await failure(algo, [tf.fill([2, 8, 8, 3], 10)]);
    expect(code).toBe('RANGE_NOT_FINITE');
    expect(text).toContain('the quantizer of bn/FusedBatchNorm_0:0');
    algo.remove();
  });

  it('no batch: how many quantizers wait, the first of them, and two ways out', async () => {
    const { algo } = await compress();
    expect(await failure(algo, [])).toMatchObject({ code: 'CALIBRATION_EMPTY', text: expect.stringContaining('no batch') as string });
    const { code, text } = await failure(algo);
    expect(code).toBe('CALIBRATION_EMPTY');
    expect(text).toMatch(/3 quantizers of activations, first that of conv1_input, need data/u);
    expect(text).toContain('initialize(data)');
    expect(text).toContain('"num_init_samples": 0');
    algo.remove();
  });
});

describe('a plan warns', () => {
  const warningsOf = async (section: JsonObject, device?: string): Promise<readonly string[]> => {
    const { algo, warnings } = await compress(section, device);
    algo.remove();
    return warnings;
  };

  it('of a width that contradicts the device’s preset: the tensors, and what else to choose', async () => {
    expect(await warningsOf({ scope_overrides: { weights: { dense: { bits: 4 } } } }, 'CPU')).toEqual([
      'dense/kernel has 4 bits, for which CPU has no integer version. Choose another width or "target_device": "ANY".',
    ]);
    const [many, ...others] = await warningsOf({ weights: { bits: 4 }, activations: { bits: 4 } }, 'GPU');
    expect(many).toMatch(/^conv1_input, conv1\/kernel, \S+ and 3 more have 4 bits, for which GPU has no integer version\./u);
    expect(others).toEqual([]);
  });

  it('of a width that an operation alone has not', async () => {
    const section = { activations: { bits: 4 } };
    expect(await warningsOf(section, 'NPU')).toEqual([]);
    expect(await warningsOf({ activations: { bits: 2 } }, 'NPU')).toEqual([expect.stringContaining('have 2 bits, for which NPU')]);
  });

  it('of patterns that match nothing: where they stand in the configuration, and what the model has', async () => {
    const [chain] = await warningsOf({ quantizable_subgraph_patterns: ['Softmax', ['Relu', 'Tanh']] });
    expect(chain).toMatch(/^\/compression\/quantizable_subgraph_patterns\/1: the model has no Relu → Tanh/u);
    expect(chain).toMatch(/Correct or remove it; operations of this model: .*Conv2D/u);
    expect(await warningsOf({ ignored_patterns: ['se_block'] })).toEqual([
      '/compression/ignored_patterns: the model has no se_block. Remove it, or list the layers themselves in "ignored_scopes".',
    ]);
  });

  it('of a group that unifies nothing', async () => {
    const [group] = await warningsOf({
      activations: {
        unified_scale_ops: [
          ['conv1', 'conv2'],
          ['dense', 'bn'],
        ],
      },
    });
    expect(group).toMatch(/^\/compression\/activations\/unified_scale_ops\/1: fewer than two quantizers stand at these operations\./u);
  });

  it('refuses scopes that match nothing, with the nearest', async () => {
    const refused = compress({ ignored_scopes: ['conv3'] });
    await expect(refused).rejects.toMatchObject({
      code: 'SCOPE_UNMATCHED',
      hint: expect.stringMatching(/Did you mean "conv\d/u) as string,
    });
    await expect(compress({ ignored_scopes: ['conv3'] })).rejects.toThrow('/compression/ignored_scopes/0');
  });
});
