import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createCompressionAlgorithm,
  registerAlgorithm,
  registerExporter,
  registerOnnxOperator,
  type JsonObject,
  type ModelCompression,
} from '@nncf/core';
import { onnxExporter } from '@nncf/onnx-exporter';
import { describeBackends } from '@nncf/testing/backends';
import { mobileNetV2, resnet8, squeezeNet11 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

let folder = '';
beforeAll(() => {
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  folder = mkdtempSync(join(tmpdir(), 'nncf-quantization-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const compress = (model: tfl.LayersModel, section: JsonObject = {}): Promise<ModelCompression<tfl.LayersModel>> =>
  createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', ...section } });

async function run(file: string, x: tf.Tensor): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(file);
  const feeds = { [session.inputNames[0] as string]: new ort.Tensor('float32', Float32Array.from(x.dataSync()), x.shape) };
  const output = (await session.run(feeds))[session.outputNames[0] as string];
  return output?.data as Float32Array;
}

/** Largest difference of two results over the spread of the first. */
function relativeError(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  const values = Array.from(expected);
  const spread = Math.max(...values) - Math.min(...values);
  return Math.max(...values.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)))) / spread;
}

type Network = [name: string, build: () => tfl.LayersModel, shape: [number, number, number], section: JsonObject];

const NETWORKS: readonly Network[] = [
  ['a residual network', () => resnet8({ seed: 1 }), [32, 32, 3], {}],
  ['one with depthwise convolutions', () => mobileNetV2({ variant: 'cifar', width: 0.25, seed: 2 }), [32, 32, 3], { preset: 'mixed' }],
  [
    'one with concatenations',
    () => squeezeNet11({ inputShape: [48, 48, 3], classes: 10, dropout: 0, seed: 3 }),
    [48, 48, 3],
    { weights: { mode: 'asymmetric' } },
  ],
];

/** Its result is computed last: a quantizer of the output stands behind the node, not before a reader. */
const wholeOutput = (): tfl.LayersModel =>
  tfl.sequential({
    layers: [
      tfl.layers.conv2d({
        filters: 4,
        kernelSize: 3,
        inputShape: [8, 8, 3],
        activation: 'relu',
        kernelInitializer: tfl.initializers.heNormal({ seed: 1 }),
      }),
      tfl.layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }),
      tfl.layers.dense({ units: 6, activation: 'tanh', kernelInitializer: tfl.initializers.heNormal({ seed: 2 }) }),
    ],
  });

describeBackends('compressed, trained and exported', (backend) => {
  // The plain JavaScript backend is for small models.
  const [first, ...others] = NETWORKS;
  it.each(backend === 'cpu' ? [first as Network] : [first as Network, ...others])(
    '%s computes in ONNX Runtime what it computes here',
    async (name, build, shape, section) => {
      const model = build();
      const x = tf.randomUniform([4, ...shape], -1, 1, 'float32', 5);
      const float = (model.predict(x) as tf.Tensor).dataSync();
      const algo = await compress(model, section);
      await algo.initialize([x]);
      const quantized = (model.predict(x) as tf.Tensor).dataSync();
      expect(relativeError(float, quantized)).toBeGreaterThan(1e-5);
      const file = join(folder, `${backend}-${name.replaceAll(' ', '-')}.onnx`);
      await algo.exportModel(file);
      // A value at the border of two grid points may fall on either side, which later layers carry on.
      expect(relativeError(quantized, await run(file, x))).toBeLessThan(0.03);
      algo.remove();
      expect((model.predict(x) as tf.Tensor).dataSync()).toEqual(float);
    },
  );

  it('quantizes outputs in the file as here', async () => {
    const model = wholeOutput();
    const x = tf.randomUniform([32, 8, 8, 3], -1, 1, 'float32', 5);
    const algo = await compress(model, { quantize_outputs: true, activations: { bits: 3 } });
    await algo.initialize([x]);
    const quantized = (model.predict(x) as tf.Tensor).dataSync();
    expect(new Set(quantized).size).toBeLessThanOrEqual(8);
    const file = join(folder, `${backend}-outputs.onnx`);
    await algo.exportModel(file);
    expect(relativeError(quantized, await run(file, x))).toBeLessThan(1e-5);
    algo.remove();
  });

  it('learns with few bits what it would not know without training', async () => {
    const { model, x, y } = task();
    const algo = await compress(model, { weights: { bits: 3 }, activations: { bits: 3 } });
    await algo.initialize([x]);
    const accuracy = (): number =>
      tf.tidy(() => tf.mean(tf.equal(tf.argMax(model.predict(x) as tf.Tensor, 1), tf.argMax(y, 1))).dataSync()[0] ?? 0);
    const before = accuracy();
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy' });
    await model.fit(x, y, { epochs: 20, batchSize: 64, verbose: 0, shuffle: false, callbacks: [algo.callback() as never] });
    expect(accuracy()).toBeGreaterThan(Math.max(before, 0.8));
    algo.remove();
  });

  it('exports low bit widths in both formats', async () => {
    const { model, x } = task();
    const algo = await compress(model, { weights: { bits: 4 }, activations: { bits: 5, mode: 'asymmetric' } });
    await algo.initialize([x]);
    const [standard, openvino] = [join(folder, `${backend}-4-bits.onnx`), join(folder, `${backend}-4-bits-openvino.onnx`)];
    await algo.exportModel(standard);
    await algo.exportModel(openvino, { format: 'fakequantize' });
    expect(relativeError((model.predict(x) as tf.Tensor).dataSync(), await run(standard, x))).toBeLessThan(1e-4);
    expect(statSync(openvino).size).toBeGreaterThan(0);
    algo.remove();
  });
});

/** Points in the plane with a ring around the middle as the second class. */
function task(): { model: tfl.LayersModel; x: tf.Tensor; y: tf.Tensor } {
  const x = tf.randomUniform([128, 2], -1, 1, 'float32', 11);
  const inside = tf.cast(tf.less(tf.sum(tf.square(x), 1), 0.5), 'int32');
  const dense = (units: number, seed: number, activation: 'relu' | 'softmax'): tfl.layers.Layer =>
    tfl.layers.dense({
      units,
      activation,
      kernelInitializer: tfl.initializers.heNormal({ seed }),
      ...(seed === 1 ? { inputShape: [2] } : {}),
    });
  const model = tfl.sequential({ layers: [dense(16, 1, 'relu'), dense(16, 2, 'relu'), dense(2, 3, 'softmax')] });
  return { model, x, y: tf.oneHot(inside as tf.Tensor1D, 2) };
}
