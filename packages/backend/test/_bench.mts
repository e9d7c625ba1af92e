import * as tf from '@tensorflow/tfjs-core';
import { useBackend, enableTrainingKernels, disableTrainingKernels } from '../src/index.ts';
import * as zoo from '../../../samples/zoo/src/index.ts';
await useBackend({ quiet: true, trainingKernels: false });
const which = process.argv[2] ?? 'resNet20';
const batch = Number(process.argv[3] ?? 64);
const n = Number(process.argv[4] ?? 6);
const opt = process.argv[5] ?? 'momentum';
const Z = zoo as unknown as Record<string, (o: object) => any>;
let model = Z[which]!({ classes: 10, inputShape: [32, 32, 3] });
const x0=0; const x = tf.randomNormal([batch, ...model.inputs[0].shape.slice(1)]);
const classes = model.outputs[0].shape[1];
const y = tf.oneHot(tf.randomUniform([batch], 0, classes, 'int32'), classes);
for (const mode of tf.getBackend()==='wasm'?['fused']:['stock','fused']) {
  if (mode === 'fused') enableTrainingKernels();
  else disableTrainingKernels();
  const o = opt === 'adam' ? tf.train.adam(1e-3) : tf.train.momentum(0.01, 0.9);
  const t: number[] = [];
  let loss = 0;
  const vars = model.trainableWeights.map((w: any) => w.val);
  for (let i = 0; i < n; i++) {
    const s = performance.now();
    const l = tf.tidy(() =>
      o.minimize(() => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true })) as tf.Scalar, true, vars)!,
    );
    loss = l.dataSync()[0]!;
    l.dispose();
    t.push(performance.now() - s);
  }
  console.log(
    tf.getBackend(),
    which,
    mode,
    'ms',
    Math.min(...t.slice(1)).toFixed(1),
    'median',
    t
      .slice(1)
      .sort((a, b) => a - b)
      [Math.floor((n - 1) / 2)]!.toFixed(1),
    'tensors',
    tf.memory().numTensors,
    'loss',
    loss.toFixed(4),
  );
}
const prof = await tf.profile(() => {
  enableTrainingKernels();
  const o = tf.train.momentum(0.01, 0.9);
  const vars = model.trainableWeights.map((w: any) => w.val);
  for (let i = 0; i < 2; i++)
    o.minimize(() => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true })) as tf.Scalar, false, vars);
});
const by = new Map<string, [number, number]>();
for (const k of prof.kernels) {
  const e = by.get(k.name) ?? [0, 0];
  e[0] += Number(await k.kernelTimeMs) || 0;
  e[1]++;
  by.set(k.name, e);
}
console.log(
  [...by]
    .sort((a, b) => b[1][0] - a[1][0])
    .slice(0, 22)
    .map(([k, [t, c]]) => `${k} ${(t / 2).toFixed(1)}ms ×${c / 2}`)
    .join('\n'),
);
