import { combineStages, createCompressionAlgorithm, type AlgorithmConfig, type ModelCompression } from '@nncf/core';
import '@nncf/onnx-exporter';
import { smallSequential } from '@nncf/testing';
import { describeBackends } from '@nncf/testing/backends';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import onnxProto from 'onnx-proto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SECTIONS } from './algorithms.ts';

type Algo = ModelCompression<LayersModel>;
type Pair = readonly [AlgorithmConfig, AlgorithmConfig];

const PAIRS = SECTIONS.flatMap((first) => SECTIONS.filter((second) => second !== first).map((second): Pair => [first, second]));
const MASKS = ['magnitude_sparsity', 'rb_sparsity', 'const_sparsity'];

const images = (): tf.Tensor => tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 7);
const labels = (): tf.Tensor => tf.oneHot(tf.tensor1d([0, 1, 2, 3], 'int32'), 5);
const predict = (algo: Algo): number[] => [...(algo.model.predict(images()) as tf.Tensor).dataSync()];
const scalar = (tensor: tf.Tensor): number => tensor.dataSync()[0] as number;

async function compress(...sections: readonly AlgorithmConfig[]): Promise<Algo> {
  const algo = await createCompressionAlgorithm(smallSequential() as LayersModel, { compression: sections }, { warn: () => undefined });
  await algo.initialize([images()]);
  return algo;
}

/** What happens where, each once: of two that move one operand to a grid the first alone does. */
function places({ plan }: Algo): string[] {
  const found = plan.commands.flatMap(({ transform, points }) =>
    points.map(({ node, port, side = 'operand' }) => `${transform} ${side} ${port} of ${node}`),
  );
  return [...new Set(found)].toSorted();
}

/** Shuts half of the gates of rb_sparsity, which start open. */
function shutGates(algo: Algo): void {
  for (const { name, variable } of algo.parameters) {
    if (name.startsWith('rb_sparsity/')) tf.tidy(() => variable.assign(tf.randomNormal(variable.shape, 0, 1, 'float32', 3)));
  }
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nncf-mixing-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(PAIRS.map(([first, second]) => ({ first, second, name: `${first.algorithm} and ${second.algorithm}` })))(
  '$name',
  ({ first, second }) => {
    describeBackends('on one model', () => {
      test('plan, stage, loss, schedules and statistics are those of both', async () => {
        const [both, one, other] = [await compress(first, second), await compress(first), await compress(second)];
        const order = both.plan.commands.map(({ transform }) => transform);
        expect(order).toEqual([...order].sort((a, b) => (a === b ? 0 : a === 'mask' ? -1 : 1)));
        expect(places(both)).toEqual([...new Set([...places(one), ...places(other)])].toSorted());
        for (const { scheduler } of [both, one, other]) {
          scheduler.step();
          scheduler.epochStep();
        }
        expect(both.stage()).toBe(combineStages([one.stage(), other.stage()]));
        expect(scalar(both.loss())).toBeCloseTo(scalar(one.loss()) + scalar(other.loss()), 3);
        expect(both.scheduler.state()).toEqual({ ...one.scheduler.state(), ...other.scheduler.state() });
        expect(Object.keys(both.statistics())).toEqual([first.algorithm, second.algorithm]);
        for (const algo of [both, one, other]) algo.remove();
      });

      test('trains, and goes on from a checkpoint', async () => {
        const algo = await compress(first, second);
        algo.model.compile({ loss: 'categoricalCrossentropy', optimizer: algo.optimizer(tf.train.momentum(0.05, 0.9)) });
        const fit = await algo.model.fit(images(), labels(), {
          epochs: 3,
          batchSize: 2,
          verbose: 0,
          shuffle: false,
          callbacks: [algo.callback() as never],
        });
        expect(fit.history['loss']?.every((loss) => Number.isFinite(Number(loss)))).toBe(true);
        const file = join(folder, 'pair.safetensors');
        await algo.saveCheckpoint(file);
        const resumed = await compress(first, second);
        await resumed.loadCheckpoint(file);
        expect(resumed.state()).toEqual(algo.state());
        expect(predict(resumed)).toEqual(predict(algo));
        for (const each of [algo, resumed]) each.remove();
      });
    });
  },
);

const quantized = PAIRS.filter(
  (pair) => pair.some(({ algorithm }) => algorithm === 'quantization') && pair.some(({ algorithm }) => MASKS.includes(algorithm)),
);

describe.each(quantized.map(([first, second]) => ({ first, second, name: `${first.algorithm}, then ${second.algorithm}` })))(
  '$name',
  ({ first, second }) => {
    describeBackends('mask, then quantize', () => {
      test('masked weights are exact zeros, in the exported integers too', async () => {
        const algo = await compress(first, second);
        shutGates(algo);
        const file = join(folder, 'pair.onnx');
        await algo.exportModel(file);
        const sparsity = Object.entries(algo.statistics()).find(([name]) => MASKS.includes(name))?.[1].values['sparsityLevel'] as number;
        const integers = weightIntegers(readFileSync(file));
        const zeros = integers.reduce((sum, value) => sum + (value === 0 ? 1 : 0), 0);
        expect(integers).toHaveLength(3 * 3 * 3 * 4 + 3 * 3 * 4 * 4 + 2 * 2 * 4 * 5);
        expect(zeros).toBeGreaterThanOrEqual(Math.round(sparsity * integers.length));
        expect(zeros).toBeLessThan(integers.length);
        algo.remove();
      });
    });
  },
);

/** Integers of all quantized weights in an ONNX file, the zero point taken away; weights are the largest initializers. */
function weightIntegers(bytes: Uint8Array): number[] {
  const graph = onnxProto.onnx.ModelProto.decode(bytes).graph;
  const initializers = new Map((graph?.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]));
  return (graph?.node ?? []).flatMap(({ opType, input }) => {
    const weight = initializers.get(input?.[0] ?? '');
    if (opType !== 'DequantizeLinear' || weight?.rawData == null) return [];
    return [...new Int8Array(Uint8Array.from(weight.rawData).buffer)];
  });
}
