import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, test } from 'vitest';
import type { OnnxExportOptions } from '../src/index.ts';
import { useCpu } from './support/cpu.ts';
import { decoded, exported, largestDifference, runOnnx } from './support/export-case.ts';

type Symbolic = tfl.SymbolicTensor;

let seed = 0;
const init = (): ReturnType<typeof tfl.initializers.randomNormal> => tfl.initializers.randomNormal({ stddev: 0.5, seed: ++seed });
const apply = (layer: tfl.layers.Layer, ...inputs: Symbolic[]): Symbolic =>
  layer.apply(inputs.length === 1 ? (inputs[0] as Symbolic) : inputs) as Symbolic;
const conv = (name: string, filters: number, options: object = {}): tfl.layers.Layer =>
  tfl.layers.conv2d({ name, filters, kernelSize: 3, padding: 'same', kernelInitializer: init(), biasInitializer: init(), ...options });
const normalize = (name: string): tfl.layers.Layer =>
  tfl.layers.batchNormalization({ name, gammaInitializer: init(), betaInitializer: init(), movingMeanInitializer: init() });
const image = (): Symbolic => tfl.input({ shape: [6, 6, 3] });
const pictures = (): tf.Tensor => tf.randomNormal([2, 6, 6, 3], 0, 1, 'float32', 3);

/** Makes a layer's weights for some positions of an axis zero. */
function clear(model: tfl.LayersModel, layer: string, axis: number, positions: readonly number[]): void {
  const target = model.getLayer(layer);
  const [kernel, ...others] = target.getWeights();
  tf.tidy(() => {
    const weight = kernel as tf.Tensor;
    const shape = weight.shape.map((size, i) => (i === axis ? size : 1));
    const mask = tf.tensor(
      Array.from({ length: shape[axis] ?? 1 }, (_, i) => (positions.includes(i) ? 0 : 1)),
      shape,
    );
    target.setWeights([tf.mul(weight, mask), ...others]);
  });
}

/** Shapes of the weights of convolutions and dense layers in a file. */
function weightShapes(bytes: Uint8Array): number[][] {
  const graph = decoded(bytes);
  const initializers = new Map(graph.initializer.map((each) => [each.name ?? '', (each.dims ?? []).map(Number)]));
  const producers = new Map(graph.node.map((node) => [node.output?.[0] ?? '', node.input?.[0] ?? '']));
  const layers = graph.node.filter(({ opType }) => ['Conv', 'Gemm', 'MatMul', 'ConvTranspose'].includes(opType ?? ''));
  return layers.map(({ input }) => {
    const name = input?.[1] ?? '';
    return initializers.get(name) ?? initializers.get(producers.get(name) ?? '') ?? [];
  });
}

const sorted = (shapes: readonly (readonly number[])[]): string[] => shapes.map(String).sort();

async function compare(model: tfl.LayersModel, shapes: readonly (readonly number[])[], options: OnnxExportOptions = {}): Promise<void> {
  const small = exported(model, options);
  const full = exported(model, { ...options, dropUnreadChannels: false });
  expect(sorted(weightShapes(small))).toEqual(sorted(shapes));
  const [actual, expected] = [await runOnnx(small, [pictures()]), await runOnnx(full, [pictures()])];
  expect(largestDifference(actual, expected)).toBeLessThan(1e-4);
  expect(largestDifference(expected, [model.predict(pictures()) as tf.Tensor])).toBeLessThan(1e-4);
}

beforeAll(useCpu);

describe('channels that nothing reads', () => {
  test.each([true, false])('leave with their filter, bias and batch norm (folded: %s)', async (foldBatchNorm) => {
    const x = image();
    const hidden = apply(tfl.layers.reLU(), apply(normalize('bn'), apply(conv('first', 8), x)));
    const model = tfl.model({ inputs: x, outputs: apply(conv('second', 4), hidden) });
    clear(model, 'second', 2, [0, 3, 7]);
    await compare(
      model,
      [
        [5, 3, 3, 3],
        [4, 5, 3, 3],
      ],
      { foldBatchNorm },
    );
  });

  test('leave only where all readers have no weight for them', async () => {
    const x = image();
    const hidden = apply(conv('first', 6, { activation: 'relu' }), x);
    const model = tfl.model({
      inputs: x,
      outputs: apply(tfl.layers.add(), apply(conv('left', 2), hidden), apply(conv('right', 2), hidden)),
    });
    clear(model, 'left', 2, [0, 1, 2]);
    clear(model, 'right', 2, [1, 2, 3]);
    await compare(model, [
      [4, 3, 3, 3],
      [2, 4, 3, 3],
      [2, 4, 3, 3],
    ]);
  });

  test('that are added up leave together', async () => {
    const x = image();
    const sum = apply(tfl.layers.add(), apply(conv('left', 5), x), apply(conv('right', 5), x));
    const model = tfl.model({ inputs: x, outputs: apply(conv('out', 2), apply(tfl.layers.maxPooling2d({ poolSize: 2 }), sum)) });
    clear(model, 'out', 2, [2]);
    await compare(model, [
      [4, 3, 3, 3],
      [4, 3, 3, 3],
      [2, 4, 3, 3],
    ]);
  });

  test('pass through depthwise convolutions, with several filters each', async () => {
    const x = image();
    const depthwise = tfl.layers.depthwiseConv2d({
      kernelSize: 3,
      depthMultiplier: 2,
      name: 'depthwise',
      depthwiseInitializer: init(),
      padding: 'same',
    });
    const model = tfl.model({ inputs: x, outputs: apply(conv('out', 2), apply(depthwise, apply(conv('first', 4), x))) });
    clear(model, 'out', 2, [2, 3, 5]);
    await compare(model, [
      [3, 3, 3, 3],
      [6, 1, 3, 3],
      [2, 6, 3, 3],
    ]);
  });

  test('pass through concatenation, pooling, padding and upsampling', async () => {
    const x = image();
    const left = apply(tfl.layers.averagePooling2d({ poolSize: 2 }), apply(conv('left', 4), x));
    const right = apply(
      tfl.layers.zeroPadding2d({ padding: 1 }),
      apply(conv('right', 3, { padding: 'valid', strides: 3, kernelSize: 4 }), x),
    );
    const joined = apply(tfl.layers.upSampling2d({ size: [2, 2] }), apply(tfl.layers.concatenate(), left, right));
    const model = tfl.model({ inputs: x, outputs: apply(conv('out', 2), joined) });
    clear(model, 'out', 2, [1, 4, 6]);
    await compare(model, [
      [3, 3, 3, 3],
      [1, 3, 4, 4],
      [2, 4, 3, 3],
    ]);
  });

  test('leave a dense layer behind a flattened picture, and one behind global pooling', async () => {
    const x = image();
    const hidden = apply(conv('first', 4, { activation: 'relu', strides: 2 }), x);
    const flat = apply(tfl.layers.dense({ units: 3, name: 'flat', kernelInitializer: init() }), apply(tfl.layers.flatten(), hidden));
    const pooled = apply(
      tfl.layers.dense({ units: 3, name: 'pooled', kernelInitializer: init() }),
      apply(tfl.layers.globalAveragePooling2d({}), hidden),
    );
    const model = tfl.model({ inputs: x, outputs: apply(tfl.layers.add(), flat, pooled) });
    const places = Array.from({ length: 9 }, (_, place) => [place * 4 + 1, place * 4 + 2]).flat();
    clear(model, 'flat', 0, places);
    clear(model, 'pooled', 0, [1, 2]);
    await compare(model, [
      [2, 3, 3, 3],
      [3, 18],
      [3, 2],
    ]);
  });

  test('that only pruned filters read leave as well', async () => {
    const x = image();
    const hidden = apply(conv('second', 4), apply(conv('first', 5), x));
    const model = tfl.model({ inputs: x, outputs: apply(conv('out', 2), hidden) });
    const kernel = model.getLayer('second').getWeights()[0] as tf.Tensor;
    const onlySecondReads = tf.tensor(
      Array.from({ length: 20 }, (_, i) => (Math.floor(i / 4) === 3 && i % 4 !== 1 ? 0 : 1)),
      [1, 1, 5, 4],
    );
    model.getLayer('second').setWeights([tf.mul(kernel, onlySecondReads), ...model.getLayer('second').getWeights().slice(1)]);
    clear(model, 'out', 2, [1]);
    await compare(model, [
      [4, 3, 3, 3],
      [3, 4, 3, 3],
      [2, 3, 3, 3],
    ]);
  });

  test('stay where they reach an output, meet the input, or are the last ones', async () => {
    const x = image();
    const hidden = apply(conv('first', 3), x);
    const out = apply(conv('out', 2), apply(tfl.layers.add(), hidden, x));
    const model = tfl.model({ inputs: x, outputs: out });
    clear(model, 'out', 2, [0]);
    await compare(model, [
      [3, 3, 3, 3],
      [2, 3, 3, 3],
    ]);
    const blind = tfl.model({ inputs: x, outputs: apply(conv('blind', 2), apply(conv('lost', 4), x)) });
    clear(blind, 'blind', 2, [0, 1, 2, 3]);
    await compare(blind, [
      [1, 3, 3, 3],
      [2, 1, 3, 3],
    ]);
  });
});
