import { disableTrainingKernels, enableTrainingKernels } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { METHODS, type Method } from './methods.ts';
import type { BenchNetwork } from './networks.ts';

/** One batch of noise with random labels. */
export interface NoiseBatch {
  readonly x: tf.Tensor4D;
  readonly y: tf.Tensor;
}

/** The same noise for all who are compared. */
export function noiseFor({ inputShape, classes, isDense = false }: BenchNetwork, batch: number): NoiseBatch {
  const [height, width, channels] = inputShape;
  const places = isDense ? [batch, height, width] : [batch];
  return {
    x: tf.randomNormal([batch, height, width, channels], 0, 1, 'float32', 1),
    y: tf.oneHot(tf.randomUniform<tf.Rank>([...places] as [number], 0, classes, 'int32', 2) as tf.Tensor1D, classes),
  };
}

/** A network under a compression, with its optimizer. */
export interface Trainee {
  readonly model: LayersModel;
  /** One step of training with momentum. */
  step(): void;
}

/** Makes a network, compresses it and readies it to be trained on one batch. */
export async function traineeOf(make: () => LayersModel, method: Method, { x, y }: NoiseBatch): Promise<Trainee> {
  const model = make();
  const sections = METHODS[method];
  const algo = sections.length === 0 ? undefined : await createCompressionAlgorithm(model, { compression: [...sections] });
  await algo?.initialize([x]);
  const main = tf.train.momentum(0.01, 0.9);
  const optimizer = algo?.optimizer(main) ?? main;
  const variables = [
    ...model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    ...(algo?.parameters ?? []).map(({ variable }) => variable),
  ];
  const loss = (): tf.Scalar => {
    const task = tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
    return algo === undefined ? task : tf.add(task, algo.loss());
  };
  const step = (): void => {
    optimizer.minimize(loss, false, variables);
    algo?.scheduler.step();
  };
  return { model, step };
}

/** Runs something without the training kernels of this project. */
export function asStock(run: () => void): void {
  disableTrainingKernels();
  try {
    run();
  } finally {
    enableTrainingKernels();
  }
}
