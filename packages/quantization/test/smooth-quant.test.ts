import { traceModel } from '@nncf/core';
import { describeBackends } from '@nncf/testing/backends';
import { relu6 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quantize } from '../src/index.ts';
import { devicePreset } from '../src/placement/devices.ts';
import { viewGraph } from '../src/placement/graph-view.ts';
import { scalablePairs, scaleBetween } from '../src/post-training/equalization.ts';
import { Originals } from '../src/post-training/originals.ts';
import { smoothingFactors } from '../src/post-training/smooth-quant.ts';
import { expectNear, numbers } from './arrays.ts';

const drawn = (seed: number): { kernelInitializer: ReturnType<typeof tfl.initializers.randomNormal> } => ({
  kernelInitializer: tfl.initializers.randomNormal({ stddev: 0.4, seed }),
});

/** Every kind of layer that a scale may pass: bias, batch normalization, depthwise, leaky ReLU, pools, padding, mean. */
function network(): tfl.LayersModel {
  const model = tfl.sequential({
    layers: [
      tfl.layers.conv2d({ filters: 4, kernelSize: 3, name: 'a', inputShape: [8, 8, 2], activation: 'relu', ...drawn(1) }),
      tfl.layers.maxPooling2d({ poolSize: 2, strides: 1, name: 'pool' }),
      tfl.layers.conv2d({ filters: 3, kernelSize: 1, name: 'b', useBias: false, ...drawn(2) }),
      tfl.layers.batchNormalization({ name: 'bn' }),
      tfl.layers.leakyReLU({ name: 'leaky', alpha: 0.1 }),
      tfl.layers.zeroPadding2d({ name: 'pad', padding: 1 }),
      tfl.layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, name: 'c', depthwiseInitializer: drawn(3).kernelInitializer }),
      tfl.layers.conv2dTranspose({ filters: 4, kernelSize: 2, name: 'd', activation: 'relu', ...drawn(4) }),
      tfl.layers.globalAveragePooling2d({ name: 'mean', dataFormat: 'channelsLast' }),
      tfl.layers.dense({ units: 5, name: 'e', activation: 'relu', ...drawn(5) }),
      tfl.layers.dense({ units: 2, name: 'f', ...drawn(6) }),
    ],
  });
  model.getLayer('a').setWeights([model.getLayer('a').getWeights()[0] as tf.Tensor, tf.tensor1d([0.1, -0.2, 0.3, 0])]);
  const affine = [
    [1.5, 0.5, -2],
    [0.1, -0.1, 0.2],
    [0.1, 0, -0.1],
    [1, 0.5, 2],
  ].map((values) => tf.tensor1d(values));
  model.getLayer('bn').setWeights(affine);
  return model;
}

const images = (): tf.Tensor4D => tf.randomNormal([3, 8, 8, 2], 0, 1, 'float32', 4);
const answers = (model: tfl.LayersModel, x: tf.Tensor): number[] => numbers(model.predict(x) as tf.Tensor);

function pairsOf(model: tfl.LayersModel): ReturnType<typeof scalablePairs> {
  const { graph, variables } = traceModel(model);
  const view = viewGraph(graph, devicePreset('ANY'));
  const producers = graph.nodes.filter((node) => view.info(node).role === 'linear');
  return scalablePairs({ view, variables }, producers);
}

describe('smoothing factors', () => {
  it('are a^α / w^(1 − α)', () => {
    const of = (alpha: number): number[] => [...smoothingFactors(Float32Array.of(4, 1), Float32Array.of(1, 4), alpha)];
    expect(of(0.5)).toEqual([2, 0.5]);
    expect(of(1)).toEqual([4, 1]);
    expectNear(of(0), [1, 0.25], 1e-6);
  });

  it('leave channels alone where one side is dead, and lift those that hardly live', () => {
    expect([...smoothingFactors(Float32Array.of(0, 0), Float32Array.of(1, 2), 0.5)]).toEqual([1, 1]);
    expectNear([...smoothingFactors(Float32Array.of(1000, 0), Float32Array.of(1, 1), 1)], [1000, 1], 1e-6);
  });
});

describeBackends('scaling between layers', (backend) => {
  it('finds the layers between which it is exact, and says what is in the way of the others', () => {
    const { pairs, others } = pairsOf(network());
    const names = pairs.map(({ producer, consumers }) => `${producer.scope} → ${consumers.map(({ scope }) => scope).join()}`);
    expect(names).toEqual(['a → b', 'b → c', 'c → d', 'd → e', 'e → f']);
    expect(others.map(({ producer, reason }) => `${producer.scope}: ${reason}`)).toEqual(['f: its result is an output of the model']);
  });

  it('changes nothing in floating point, whatever the factors', () => {
    const runs = backend === 'cpu' ? 8 : 3;
    const factor = fc.double({ min: -4, max: 4, noNaN: true }).map((power) => 2 ** power);
    const model = network();
    const x = images();
    const { pairs } = pairsOf(model);
    const expected = answers(model, x);
    const channels = pairs.reduce((sum, pair) => sum + pair.channels, 0);
    fc.assert(
      fc.property(fc.array(factor, { minLength: channels, maxLength: channels }), (factors) => {
        const originals = new Originals();
        let from = 0;
        for (const pair of pairs) scaleBetween(pair, Float32Array.from(factors.slice(from, (from += pair.channels))), originals);
        expectNear(answers(model, x), expected, 1e-4, Math.max(...expected.map(Math.abs)));
        originals.restore();
        expect(answers(model, x)).toEqual(expected);
      }),
      { numRuns: runs, seed: 2 },
    );
  });

  it('says where ReLU6 stands between, and does not pass additions and shared weights', () => {
    const input = tfl.input({ shape: [6, 6, 2] });
    const conv = (name: string): tfl.layers.Layer => tfl.layers.conv2d({ filters: 2, kernelSize: 1, name, ...drawn(7) });
    const shared = conv('shared');
    const a = relu6({ name: 'six' }).apply(conv('a').apply(input)) as tfl.SymbolicTensor;
    const b = conv('b').apply(a) as tfl.SymbolicTensor;
    const twice = shared.apply(shared.apply(b) as tfl.SymbolicTensor) as tfl.SymbolicTensor;
    const sum = tfl.layers.add({ name: 'sum' }).apply([conv('c').apply(twice) as tfl.SymbolicTensor, twice]) as tfl.SymbolicTensor;
    const { pairs, others } = pairsOf(tfl.model({ inputs: input, outputs: sum }));
    expect(pairs.map(({ producer, isCut }) => [producer.scope, isCut])).toEqual([['a', true]]);
    expect(Object.fromEntries(others.map(({ producer, reason }) => [producer.scope, reason]))).toMatchObject({
      b: 'shared/Conv2D_0 does not scale with its result',
      c: 'sum/Add_0 does not scale with its result',
    });
  });

  it('rescues a network with one loud channel', async () => {
    const x = images();
    const loud = (): tfl.LayersModel => {
      const model = network();
      const [first] = pairsOf(model).pairs;
      if (first !== undefined) scaleBetween(first, Float32Array.of(1 / 500, 1, 1, 1), new Originals());
      return model;
    };
    const expected = answers(loud(), x);
    const errorWith = async (smoothQuant: boolean): Promise<number> => {
      const model = loud();
      const { report } = await quantize(model, [x], { smoothQuant, biasCorrection: false });
      expect(report.smoothQuant.length).toBe(smoothQuant ? 6 : 0);
      return answers(model, x).reduce((sum, y, i) => sum + (y - (expected[i] ?? 0)) ** 2, 0);
    };
    expect(await errorWith(true)).toBeLessThan(0.1 * (await errorWith(false)));
  });
});
