import { checkPlan, mergePlan, printPlan, traceModel, type CompressionPlan } from '@nncf/core';
import '@nncf/testing/backends';
import { demoConvNet, mobileNetV2, resnet18, resnet20, resnet50, resnet8, squeezeNet11 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { quantization } from '../src/quantization.ts';

beforeAll(() => tf.setBackend('cpu'));

const SMALL = { inputShape: [32, 32, 3], initial: 'zeros' } as const;

function planOf(model: LayersModel): CompressionPlan {
  const { graph } = traceModel(model);
  const context = { config: {}, pointer: '/compression', targetDevice: 'CPU', inputInfo: [], earlier: [], warn: expect.unreachable };
  const plan = mergePlan(quantization.plan(graph, context));
  checkPlan(plan, graph);
  return plan;
}

/** Quantizers of weights and of activations. */
function countsOf({ commands }: CompressionPlan): [weights: number, activations: number] {
  const weights = commands.filter(({ target }) => target === 'weight').length;
  return [weights, commands.length - weights];
}

describe('plans of the zoo', () => {
  // The first three are the counts of NNCF 2.18 for PyTorch with its CPU preset.
  it.each<[string, () => LayersModel, [number, number]]>([
    ['resnet18', () => resnet18(SMALL), [21, 30]],
    ['resnet50', () => resnet50(SMALL), [54, 71]],
    ['mobilenet-v2', () => mobileNetV2(SMALL), [53, 64]],
    ['squeezenet-1.1', () => squeezeNet11({ ...SMALL, inputShape: [64, 64, 3] }), [26, 19]],
    ['resnet20-cifar', () => resnet20({ initial: 'zeros' }), [20, 30]],
    ['resnet8', () => resnet8({ initial: 'zeros' }), [10, 12]],
    ['demo', () => demoConvNet({ initial: 'zeros' }), [6, 6]],
  ])('%s', async (name, build, counts) => {
    const plan = planOf(build());
    expect(countsOf(plan)).toEqual(counts);
    await expect(printPlan(plan)).toMatchFileSnapshot(`plans/${name}.txt`);
  });
});
