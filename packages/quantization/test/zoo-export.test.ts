import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompressionAlgorithm, registerAlgorithm, registerExporter, registerOnnxOperator, type JsonObject } from '@nncf/core';
import { onnxExporter, exportOnnx } from '@nncf/onnx-exporter';
import { availableBackends } from '@nncf/testing/backends';
import {
  denseNet121,
  efficientNetB0,
  inceptionV3,
  mobileNetV1,
  mobileNetV3Large,
  mobileNetV3Small,
  unet,
  type ImageShape,
  type ModelOptions,
} from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeQuantizeMapping } from '../src/onnx.ts';
import { quantization } from '../src/quantization.ts';

let folder = '';
beforeAll(async () => {
  registerAlgorithm(quantization);
  registerExporter(onnxExporter);
  registerOnnxOperator(fakeQuantizeMapping);
  folder = mkdtempSync(join(tmpdir(), 'nncf-zoo-export-'));
  await tf.setBackend(availableBackends.includes('tensorflow') ? 'tensorflow' : 'wasm');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(file: string, x: tf.Tensor): Promise<ArrayLike<number>> {
  const session = await ort.InferenceSession.create(file);
  const feeds = { [session.inputNames[0] as string]: new ort.Tensor('float32', Float32Array.from(x.dataSync()), x.shape) };
  const output = (await session.run(feeds))[session.outputNames[0] as string];
  return output?.data as Float32Array;
}

/** Largest and mean difference of two results over the spread of the first. */
function errors(expected: ArrayLike<number>, actual: ArrayLike<number>): { largest: number; mean: number } {
  const values = Array.from(expected);
  const spread = Math.max(...values) - Math.min(...values);
  const differences = values.map((value, i) => Math.abs(value - (actual[i] ?? Number.NaN)) / spread);
  return { largest: Math.max(...differences), mean: differences.reduce((sum, each) => sum + each) / differences.length };
}

/** Factors on batch normalization: inside blocks, and where blocks end. */
interface Gains {
  readonly inner: number;
  readonly outer: number;
}

/**
 * Scales batch normalization. Without trained statistics a swish and a gate halve what passes, so that after fifty layers nothing is left above
 * the smallest scale of a quantizer; too large a factor, and the result hangs on single roundings.
 */
function amplify(model: tfl.LayersModel, { inner, outer }: Gains): void {
  for (const weight of model.trainableWeights) {
    if (weight.name.includes('gamma')) weight.write(tf.fill(weight.shape as number[], weight.name.includes('project') ? outer : inner));
  }
}

type Network = [name: string, build: (options: ModelOptions) => tfl.LayersModel, shape: ImageShape, gains: Gains, section?: JsonObject];

const NONE: Gains = { inner: 1, outer: 1 };
const SWISH: Gains = { inner: 1.25, outer: 1.5 };

const NETWORKS: Network[] = [
  ['MobileNet v1', mobileNetV1, [32, 32, 3], NONE],
  ['MobileNet-v3-small', mobileNetV3Small, [32, 32, 3], SWISH],
  ['MobileNet-v3-large without its squeeze-and-excite blocks', mobileNetV3Large, [32, 32, 3], NONE, { ignored_patterns: ['se_block'] }],
  ['EfficientNet-B0', efficientNetB0, [32, 32, 3], SWISH, { preset: 'mixed' }],
  ['DenseNet-121', denseNet121, [32, 32, 3], NONE],
  ['Inception-v3', inceptionV3, [75, 75, 3], NONE],
  ['UNet', unet, [16, 32, 3], NONE],
];

describe('the zoo in ONNX Runtime', () => {
  it.each(NETWORKS)(
    '%s computes what it computes here, in floating point and in 8 bits',
    async (name, build, inputShape, gains, section = {}) => {
      const model = build({ inputShape, classes: 5, width: 0.25, seed: 1 });
      amplify(model, gains);
      const x = tf.randomUniform([2, ...inputShape], -1, 1, 'float32', 5);
      const file = join(folder, `${name.replaceAll(' ', '-')}.onnx`);
      await exportOnnx(model, file);
      const float = (model.predict(x) as tf.Tensor).dataSync();
      expect(errors(float, await run(file, x)).largest).toBeLessThan(1e-3);
      const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization', ...section } });
      await algo.initialize([x]);
      const quantized = (model.predict(x) as tf.Tensor).dataSync();
      expect(errors(float, quantized).largest).toBeGreaterThan(1e-5);
      await algo.exportModel(file);
      // A value at the border of two grid points may fall on either side, which later layers carry on.
      expect(errors(quantized, await run(file, x)).mean).toBeLessThan(0.1);
      algo.remove();
      model.dispose();
      x.dispose();
    },
  );
});
