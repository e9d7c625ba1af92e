import { join } from 'node:path';
import { createCompressionAlgorithm, type ModelCompression } from '@nncf/core';
import { exportOnnx } from '@nncf/onnx-exporter';
import '@nncf/quantization';
import { compressedSubject, createOptimizer, disposeOptimizer, openOnnx, trainingStep } from '@nncf/sample-training';
import { countTrainable } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import * as ort from 'onnxruntime-node';
import type { Subject, Trainable } from './subjects.ts';

/** What was found of a model. */
export interface ModelReport {
  readonly name: string;
  readonly parameters: number;
  /** Quantizers that INT8 inserted. */
  readonly quantizers: number;
  /** Loss before each of ten steps on one batch, quantized. */
  readonly losses: readonly number[];
  /** Largest difference of ONNX Runtime's outputs, in floating point, over the largest value of the output. */
  readonly difference: number;
  /** Files written: in floating point, and quantized. */
  readonly files: readonly string[];
}

const STEPS = 10;

/**
 * Builds a model with random weights, exports it and compares it with ONNX Runtime, quantizes it, trains it for ten steps on one batch, and exports it again.
 * @param width factor on the channels
 * @param folder where files go
 */
export async function checkModel({ name, make }: Subject, width: number, folder: string): Promise<ModelReport> {
  const network = make(width);
  const { model, inputs, targets, ignored = [] } = network;
  const files = ['fp32', 'int8'].map((kind) => join(folder, `${name}_${kind}.onnx`)) as [string, string];
  await exportOnnx(model, files[0]);
  const difference = await differenceFrom(files[0], network);
  const config = { compression: { algorithm: 'quantization', ignored_scopes: [...ignored] } };
  const algo = await createCompressionAlgorithm(model, config);
  await algo.initialize([oneOrAll(inputs)]);
  const report = { name, parameters: countTrainable(model), quantizers: algo.plan.commands.length, difference, files };
  const losses = trainOn(network, algo);
  await algo.exportModel(files[1]);
  algo.remove();
  disposeModel(model);
  tf.dispose([...inputs, ...targets]);
  return { ...report, losses };
}

function trainOn({ model, inputs, loss, rate }: Trainable, algo: ModelCompression<tfl.LayersModel>): number[] {
  const subject = compressedSubject(algo);
  const main = createOptimizer({ type: 'adam' });
  const optimizer = subject.group?.(main) ?? main;
  const step = trainingStep(main, optimizer, subject.trained, { type: 'adam' });
  const value = (): tf.Scalar => loss(listOf(model.apply(oneOrAll(inputs), { training: true }) as tf.Tensor | tf.Tensor[]));
  const losses = Array.from({ length: STEPS }, () => {
    const before = step(value, rate);
    const number = before.dataSync()[0]!;
    before.dispose();
    return number;
  });
  disposeOptimizer(optimizer, main);
  return losses;
}

async function differenceFrom(file: string, { model, inputs }: Trainable): Promise<number> {
  const network = await openOnnx(file);
  const feeds = Object.fromEntries(network.inputNames.map((name, place) => [name, feedOf(inputs[place]!)]));
  const results = await network.run(feeds);
  await network.close();
  const expected = listOf(model.predict(oneOrAll(inputs)));
  const each = expected.map((output, place) =>
    relativeDifference(output.dataSync(), results[network.outputNames[place]!]!.data as Float32Array),
  );
  tf.dispose(expected);
  return Math.max(...each);
}

function feedOf(x: tf.Tensor): ort.Tensor {
  return x.dtype === 'int32'
    ? new ort.Tensor('int32', x.dataSync<'int32'>(), x.shape)
    : new ort.Tensor('float32', x.dataSync<'float32'>(), x.shape);
}

function relativeDifference(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  let [worst, largest] = [0, 0];
  for (let place = 0; place < expected.length; place++) {
    worst = Math.max(worst, Math.abs(expected[place]! - (actual[place] ?? Number.NaN)));
    largest = Math.max(largest, Math.abs(expected[place]!));
  }
  return worst / largest;
}

function listOf(outputs: tf.Tensor | tf.Tensor[]): tf.Tensor[] {
  return Array.isArray(outputs) ? outputs : [outputs];
}

function oneOrAll(inputs: tf.Tensor[]): tf.Tensor | tf.Tensor[] {
  return inputs.length === 1 ? inputs[0]! : inputs;
}

/** TensorFlow.js keeps the weights of layers that a model uses more than once. */
function disposeModel(model: tfl.LayersModel): void {
  const weights = model.weights.map((weight) => weight.read());
  model.dispose();
  tf.dispose(weights.filter(({ isDisposed }) => !isDisposed));
}
