import { readFileSync } from 'node:fs';
import { checkPlan, mergePlan, printPlan, traceModel, type CompressionPlan } from '@nncf/core';
import '@nncf/testing/backends';
import {
  bert,
  demoConvNet,
  denseNet121,
  efficientNetB0,
  inceptionV3,
  mobileNetV1,
  mobileNetV2,
  mobileNetV3Large,
  mobileNetV3Small,
  resnet18,
  resnet20,
  resnet50,
  resnet8,
  squeezeNet11,
  unet,
} from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import type { QuantizationConfig } from '../src/config.ts';
import { quantization } from '../src/quantization.ts';

beforeAll(() => tf.setBackend('cpu'));

const SMALL = { inputShape: [32, 32, 3], initial: 'zeros' } as const;
// Counts of channels have no part in a plan.
const NARROW = { ...SMALL, width: 0.25 } as const;

function planOf(model: LayersModel, config: QuantizationConfig = {}): CompressionPlan {
  const { graph } = traceModel(model);
  const context = { config, pointer: '/compression', targetDevice: 'CPU', inputInfo: [], earlier: [], warn: expect.unreachable };
  const plan = mergePlan(quantization.plan(graph, context));
  checkPlan(plan, graph);
  return plan;
}

/** Quantizers of weights and of activations. */
function countsOf({ commands }: CompressionPlan): [weights: number, activations: number] {
  const weights = commands.filter(({ target }) => target === 'weight').length;
  return [weights, commands.length - weights];
}

/** Counts of NNCF 2.18 for PyTorch with its CPU preset, by model. */
const REFERENCE = JSON.parse(readFileSync(new URL('../../../packages-private/parity/reference-counts.json', import.meta.url), 'utf8')) as {
  readonly models: Readonly<Record<string, { readonly weights: number; readonly activations: number }>>;
};

type Row = [name: string, build: () => LayersModel, counts: [weights: number, activations: number], reference?: string];

const MODELS: readonly Row[] = [
  ['resnet18', () => resnet18(NARROW), [21, 30], 'resnet18'],
  ['resnet50', () => resnet50(NARROW), [54, 71], 'resnet50'],
  ['mobilenet-v1', () => mobileNetV1(SMALL), [28, 29], 'mobilenet_v1'],
  ['mobilenet-v2', () => mobileNetV2(SMALL), [53, 64], 'mobilenet_v2'],
  ['mobilenet-v3-small', () => mobileNetV3Small(SMALL), [54, 79], 'mobilenet_v3_small'],
  ['mobilenet-v3-large', () => mobileNetV3Large(SMALL), [64, 91], 'mobilenet_v3_large'],
  ['efficientnet-b0', () => efficientNetB0(SMALL), [82, 124], 'efficientnet_b0'],
  ['inception-v3', () => inceptionV3({ ...NARROW, inputShape: [75, 75, 3] }), [95, 75], 'inception_v3'],
  ['densenet-121', () => denseNet121(NARROW), [121, 187], 'densenet121'],
  ['squeezenet-1.1', () => squeezeNet11({ ...NARROW, inputShape: [64, 64, 3] }), [26, 19], 'squeezenet1_1'],
  ['unet', () => unet(NARROW), [23, 19], 'unet'],
  ['resnet20-cifar', () => resnet20({ initial: 'zeros' }), [20, 30]],
  ['resnet8', () => resnet8({ initial: 'zeros' }), [10, 12]],
  ['demo', () => demoConvNet({ initial: 'zeros' }), [6, 6]],
  ['bert', () => bert({ layers: 1, width: 8, heads: 2, vocabulary: 17, positions: 8, length: 8, initial: 'zeros' }), [10, 16]],
];

describe('plans of the zoo', () => {
  it.each<Row>([...MODELS])('%s', async (name, build, counts, reference) => {
    const model = build();
    const plan = planOf(model);
    model.dispose();
    expect(countsOf(plan)).toEqual(counts);
    if (reference !== undefined) {
      const { weights, activations } = REFERENCE.models[reference] ?? {};
      expect(counts).toEqual([weights, activations]);
    }
    await expect(printPlan(plan)).toMatchFileSnapshot(`plans/${name}.txt`);
  });

  it('are compared with all models that NNCF was asked about', () => {
    const compared = MODELS.flatMap(([, , , reference]) => reference ?? []);
    expect(compared.toSorted()).toEqual(Object.keys(REFERENCE.models).toSorted());
  });

  it('leave out squeeze-and-excite blocks on request, as NNCF does after training', () => {
    const section = { ignored_patterns: ['se_block'] as const };
    // Two convolutions a block; the mean, what lies between them, and no more.
    expect(countsOf(planOf(mobileNetV3Small(SMALL), section))).toEqual([54 - 2 * 9, 79 - 2 * 9]);
    expect(countsOf(planOf(mobileNetV3Large(SMALL), section))).toEqual([64 - 2 * 8, 91 - 2 * 8]);
    expect(countsOf(planOf(efficientNetB0(SMALL), section))).toEqual([82 - 2 * 16, 124 - 2 * 16]);
  });
});
