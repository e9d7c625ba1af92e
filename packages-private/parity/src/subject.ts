import { createCompressionAlgorithm, type ModelCompression } from '@nncf/core';
import type { FakeQuantizer } from '@nncf/quantization';
import { weightNames } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { BATCH, configOf, learningRateOf, type Case } from './cases.ts';
import { NETWORKS } from './networks.ts';
import { uniformArray } from './numbers.ts';
import { withTap } from './tap.ts';

/** Our half of the comparison: a compressed network with ranges, and the data that both halves get. */
export interface Subject {
  readonly model: LayersModel;
  readonly compression: ModelCompression<LayersModel>;
  /** Quantizers by the layer whose result they round, or by their weights: `relu1`, `conv1.kernel`. */
  readonly quantizers: ReadonlyMap<string, FakeQuantizer>;
  /** How many values each quantizer rounds in a step. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Trained variables: weights by their name, parameters of quantizers as `relu1/scale`. */
  readonly trained: ReadonlyMap<string, tf.Variable>;
  readonly learningRate: number;
  /** Two batches. */
  readonly images: tf.Tensor4D;
  /** Classes of the images, whole numbers. */
  readonly labels: tf.Tensor1D;
}

/** Builds the network of a case, gives it weights and data that follow from names alone, and finds the ranges. */
export async function createSubject(each: Case): Promise<Subject> {
  const model = NETWORKS[each.network]();
  const { images, labels } = dataFor(model);
  assignWeights(model);
  fitStatistics(model, images);
  const compression = await createCompressionAlgorithm(model, configOf(each));
  const batches = tf.split(images, 2);
  await compression.initialize(batches);
  const { quantizers, sizes } = findQuantizers(model, batches[0]!);
  tf.dispose(batches);
  const trained = trainedVariables(model, quantizers);
  return { model, compression, quantizers, sizes, trained, learningRate: learningRateOf(each), images, labels };
}

/** Frees all tensors. */
export function disposeSubject({ model, compression, images, labels }: Subject): void {
  compression.remove();
  tf.dispose([images, labels]);
  model.dispose();
}

/** `conv1/kernel` → `conv1.kernel`, `relu1/Relu_0:0` → `relu1`. */
export function keyOf({ name, isWeight }: FakeQuantizer): string {
  const [layer = ''] = name.split('/');
  return isWeight ? `${layer}.kernel` : layer;
}

/** Name of a parameter whether or not its logarithm is what is trained. */
export function plainName(parameter: string): string {
  return parameter.replace(/^log_/u, '');
}

function dataFor(model: LayersModel): Pick<Subject, 'images' | 'labels'> {
  const shape = model.inputs[0]!.shape.slice(1) as [number, number, number];
  const values = uniformArray('images', 2 * BATCH * tf.util.sizeFromShape(shape), -2, 2);
  const classes = model.outputs[0]!.shape.at(-1) ?? 1;
  return {
    images: tf.tensor4d(values, [2 * BATCH, ...shape]),
    labels: tf.tensor1d(Array.from({ length: 2 * BATCH }, (_, i) => (3 * i) % classes)),
  };
}

function assignWeights(model: LayersModel): void {
  const names = weightNames(model);
  const weights = model.weights.map(({ shape }, i) => ({ name: names[i]!, shape: shape as number[] }));
  tf.tidy(() => model.setWeights(weights.map(({ name, shape }) => tf.tensor(initialWeights(name, shape), shape))));
}

/** Kernels with He's deviation, channel by channel between half of it and one and a half; the rest around 1 or 0. */
function initialWeights(name: string, shape: readonly number[]): Float32Array {
  const size = tf.util.sizeFromShape([...shape]);
  if (!name.endsWith('.kernel')) {
    const [low, high] = name.endsWith('.gamma') || name.endsWith('.moving_variance') ? [0.5, 1.5] : [-0.2, 0.2];
    return uniformArray(name, size, low, high);
  }
  const filters = (name.endsWith('depthwise.kernel') ? shape[2] : shape.at(-1)) ?? 1;
  const bound = Math.sqrt((6 * filters) / size);
  const factors = uniformArray(`${name} channels`, filters, 0.5, 1.5);
  return uniformArray(name, size, -bound, bound).map((value, i) => value * factors[i % filters]!);
}

/** Moving statistics become those of the data, so that ranges found in evaluation fit what training computes. */
function fitStatistics(model: LayersModel, images: tf.Tensor): void {
  const momenta = new Map(
    model.layers.filter((layer) => 'momentum' in layer).map((layer) => [layer, Reflect.get(layer, 'momentum')] as const),
  );
  for (const layer of momenta.keys()) Reflect.set(layer, 'momentum', 0);
  tf.tidy(() => model.apply(images, { training: true }) as tf.Tensor);
  for (const [layer, momentum] of momenta) Reflect.set(layer, 'momentum', momentum);
}

function findQuantizers(model: LayersModel, images: tf.Tensor): { quantizers: Map<string, FakeQuantizer>; sizes: Map<string, number> } {
  const quantizers = new Map<string, FakeQuantizer>();
  const sizes = new Map<string, number>();
  const look = (quantizer: FakeQuantizer, x: tf.Tensor, apply: (x: tf.Tensor) => tf.Tensor): tf.Tensor => {
    quantizers.set(keyOf(quantizer), quantizer);
    sizes.set(keyOf(quantizer), x.size);
    return apply(x);
  };
  tf.tidy(() => withTap(look, () => model.apply(images) as tf.Tensor));
  return { quantizers, sizes };
}

function trainedVariables(model: LayersModel, quantizers: ReadonlyMap<string, FakeQuantizer>): Map<string, tf.Variable> {
  const names = weightNames(model);
  const weights = model.weights.flatMap((weight, i) => (weight.trainable ? [[names[i]!, weight.read() as tf.Variable] as const] : []));
  const parameters = [...quantizers].flatMap(([key, quantizer]) =>
    quantizer.namedParameters.map(({ name, variable }) => [`${key}/${plainName(name)}`, variable] as const),
  );
  return new Map([...weights, ...parameters]);
}
