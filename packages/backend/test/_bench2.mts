import * as tf from '@tensorflow/tfjs-core';
import { useBackend, nativeOp1 } from '../src/index.ts';
await useBackend({ quiet: true });
const best = (fn: () => unknown, n = 60) => {
  let b = 1e9;
  for (let i = 0; i < n; i++) {
    const s = performance.now();
    tf.tidy(() => {
      fn();
    });
    b = Math.min(b, performance.now() - s);
  }
  return b.toFixed(3);
};
for (const shape of [
  [64, 32, 32, 16],
  [64, 8, 8, 64],
  [4, 180, 240, 16],
  [32, 16, 16, 128],
]) {
  const dy = tf.randomNormal(shape);
  console.log(
    shape.join('x'),
    'sum',
    best(() => tf.sum(dy, [0, 1, 2])),
    'biasaddgrad',
    best(() => nativeOp1('BiasAddGrad', { T: { type: 'float32' }, data_format: { string: 'NHWC' } }, [dy])),
    'add',
    best(() => tf.add(dy, dy)),
    'relu',
    best(() => tf.relu(dy)),
    'addbias',
    best(() => tf.add(dy, tf.ones([shape[3]!]))),
  );
}
for (const shape of [
  [64, 10],
  [64, 1000],
  [4 * 180 * 240, 12],
]) {
  const l = tf.randomNormal(shape),
    y = tf.softmax(tf.randomNormal(shape));
  const g = tf.grad((l: tf.Tensor) => tf.losses.softmaxCrossEntropy(y, l));
  console.log(
    shape.join('x'),
    'ce+grad',
    best(() => g(l)),
    'fused',
    best(() => tf.mean(nativeOp1('Softmax', { T: { type: 'float32' } }, [l]))),
  );
}
