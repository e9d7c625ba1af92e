/**
 * One training step of a residual network (the shape of ResNet-20 on CIFAR, batch 64) with TensorFlow.js's own kernels and with this package's, by
 * turns: milliseconds, least, median and most. On wasm, whose own kernels cannot train it, this package's alone.
 *
 *     pnpm exec tsx --conditions=nncf-source packages/backend/bench/training-step.ts
 */
import * as tf from '@tensorflow/tfjs-core';
import { input, layers, model as makeModel, type LayersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { disableTrainingKernels, enableTrainingKernels, useBackend } from '../src/index.ts';

const BATCH = 64;
const CLASSES = 10;
const ROUNDS = 5;
const STEPS = 4;

function block(x: SymbolicTensor, filters: number, strides: number): SymbolicTensor {
  const convolve = (from: SymbolicTensor, kernelSize: number, stride: number): SymbolicTensor => {
    const convolved = layers.conv2d({ filters, kernelSize, strides: stride, padding: 'same', useBias: false }).apply(from);
    return layers.batchNormalization({}).apply(convolved) as SymbolicTensor;
  };
  const relu = (from: SymbolicTensor): SymbolicTensor => layers.reLU({}).apply(from) as SymbolicTensor;
  const inner = convolve(relu(convolve(x, 3, strides)), 3, 1);
  const shortcut = strides === 1 && x.shape.at(-1) === filters ? x : convolve(x, 1, strides);
  return relu(layers.add().apply([inner, shortcut]) as SymbolicTensor);
}

function network(): LayersModel {
  const image = input({ shape: [32, 32, 3] });
  const sizes: [number, number][] = [16, 32, 64].flatMap((filters, stage) =>
    [0, 1, 2].map((at): [number, number] => [filters, stage > 0 && at === 0 ? 2 : 1]),
  );
  const features = sizes.reduce((x, [filters, strides]) => block(x, filters, strides), image);
  const pooled = layers.globalAveragePooling2d({}).apply(features);
  return makeModel({ inputs: image, outputs: layers.dense({ units: CLASSES }).apply(pooled) as SymbolicTensor });
}

/** Milliseconds of each step of a round. */
function round(net: LayersModel, x: tf.Tensor, y: tf.Tensor): number[] {
  const optimizer = tf.train.momentum(0.01, 0.9);
  const times = Array.from({ length: STEPS + 1 }, () => {
    const start = performance.now();
    tf.tidy(
      () =>
        void optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, net.apply(x, { training: true }) as tf.Tensor), true)?.dataSync(),
    );
    return performance.now() - start;
  });
  optimizer.dispose();
  return times.slice(1);
}

function summary(times: readonly number[]): { least: number; median: number; most: number } {
  const sorted = times.toSorted((a, b) => a - b).map((time) => Math.round(time));
  return { least: sorted[0] ?? 0, median: sorted[Math.floor(sorted.length / 2)] ?? 0, most: sorted.at(-1) ?? 0 };
}

const { name } = await useBackend();
const net = network();
const x = tf.randomNormal([BATCH, 32, 32, 3]);
const y = tf.oneHot(tf.randomUniform([BATCH], 0, CLASSES, 'int32'), CLASSES);
const times: Record<string, number[]> = name === 'wasm' ? { ours: [] } : { 'TensorFlow.js': [], ours: [] };
for (let turn = 0; turn < ROUNDS; turn += 1) {
  for (const [kind, list] of Object.entries(times)) {
    if (kind === 'ours') enableTrainingKernels();
    else disableTrainingKernels();
    list.push(...round(net, x, y));
  }
}
console.table(Object.fromEntries(Object.entries(times).map(([kind, list]) => [kind, summary(list)])));
const stock = times['TensorFlow.js'];
if (stock !== undefined) console.info(`ours / TensorFlow.js: ${(summary(times['ours'] ?? []).median / summary(stock).median).toFixed(2)}`);
