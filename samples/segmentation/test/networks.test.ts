import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import { onnxBytes } from '@nncf/onnx-exporter';
import '@nncf/quantization';
import { icnet, unet } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-segmentation-'));
});
afterAll(() => rm(folder, { recursive: true }));

const networks: readonly (readonly [string, () => tfl.LayersModel])[] = [
  ['UNet', () => unet({ inputShape: [32, 64, 3], width: 0.125, classes: 5, seed: 3 })],
  ['ICNet', () => icnet({ inputShape: [64, 64, 3], width: 0.25, classes: 5, seed: 3, auxiliary: true })],
];

function pictures(model: tfl.LayersModel): tf.Tensor4D {
  const [, height, width] = model.inputs[0]!.shape;
  return tf.randomUniform([1, height!, width!, 3], -1, 1, 'float32', 7);
}

/** Outputs of an ONNX file. */
async function runOnnx(bytes: Uint8Array, x: tf.Tensor): Promise<ort.Tensor[]> {
  const session = await ort.InferenceSession.create(bytes, { logSeverityLevel: 3 });
  const results = await session.run({ [session.inputNames[0]!]: new ort.Tensor('float32', await x.data(), x.shape) });
  await session.release();
  return session.outputNames.map((name) => results[name]!);
}

interface Difference {
  readonly largest: number;
  readonly mean: number;
}

async function differenceOf(actual: ort.Tensor, expected: tf.Tensor): Promise<Difference> {
  expect(actual.dims).toEqual(expected.shape);
  const values = actual.data as Float32Array;
  const apart = Array.from(await expected.data(), (value, index) => Math.abs(value - values[index]!));
  return {
    largest: apart.reduce((worst, each) => Math.max(worst, each), 0),
    mean: apart.reduce((sum, each) => sum + each, 0) / apart.length,
  };
}

function mainOutput(output: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(output) ? output[0]! : output;
}

describe.each(networks)('%s', (name, build) => {
  it('gives in ONNX Runtime what it gives in TensorFlow.js', async () => {
    const model = build();
    const x = pictures(model);
    const outputs = await runOnnx(onnxBytes(model, { outputs: [0] }), x);
    expect(outputs).toHaveLength(1);
    const { largest } = await differenceOf(outputs[0]!, mainOutput(model.predict(x) as tf.Tensor));
    expect(largest).toBeLessThan(1e-3);
    model.dispose();
  });

  it('trains under INT8 quantization, and is exported', async () => {
    const model = build();
    const algo = await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } });
    const x = pictures(model);
    await algo.initialize([x]);
    const optimizer = algo.optimizer(tf.train.adam(1e-3));
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) {
      const loss = optimizer.minimize(() => {
        const y = mainOutput(model.apply(x, { training: true }) as tf.Tensor);
        return tf.mean(tf.squaredDifference(y, 1)) as tf.Scalar;
      }, true)!;
      losses.push((await loss.data())[0]!);
    }
    expect(losses.at(-1)).toBeLessThan(losses[0]!);
    const file = join(folder, `${name}.onnx`);
    await algo.exportModel(file, { outputs: [0] });
    const [output] = await runOnnx(await readFile(file), x);
    // A value at the edge of a step may round the other way: most are equal, and none is far off.
    const expected = mainOutput(model.predict(x) as tf.Tensor);
    const { largest, mean } = await differenceOf(output!, expected);
    expect(mean).toBeLessThan(0.03);
    expect(largest).toBeLessThan(0.3);
    algo.remove();
    model.dispose();
  });
});
