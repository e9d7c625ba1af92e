/**
 * A training step of ResNet-20 (CIFAR shape, batch 64): FP32 beside magnitude and RB sparsity, all in turn in one run.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/sparse-step.ts [rounds]
 */
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm, type AlgorithmConfig, type ModelCompression } from '@nncf/core';
import '@nncf/magnitude-sparsity';
import '@nncf/rb-sparsity';
import { resnet20 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';

const BATCH = 64;
const ROUNDS = Number(process.argv[2] ?? 15);
const WARM_UP = 3;

/** One network under one configuration with its optimizer. */
interface Candidate {
  readonly name: string;
  readonly step: () => void;
  readonly times: number[];
}

await useBackend();
const x = tf.randomNormal([BATCH, 32, 32, 3], 0, 1, 'float32', 1);
const y = tf.oneHot(tf.randomUniform([BATCH], 0, 10, 'int32', 2), 10);
const candidates = [
  await candidate('FP32'),
  await candidate('magnitude', { algorithm: 'magnitude_sparsity', sparsity_init: 0.5 }),
  await candidate('RB', { algorithm: 'rb_sparsity', sparsity_init: 0.5 }),
];

async function candidate(name: string, section?: AlgorithmConfig): Promise<Candidate> {
  const model = resnet20();
  const algo = section === undefined ? undefined : await createCompressionAlgorithm(model, { compression: section });
  const main = tf.train.momentum(0.01, 0.9);
  const optimizer = algo?.optimizer(main) ?? main;
  const variables = [
    ...model.trainableWeights.map((weight) => weight.read() as tf.Variable),
    ...(algo?.parameters ?? []).map(({ variable }) => variable),
  ];
  const step = (): void => {
    optimizer.minimize(() => loss(model, algo), false, variables);
    algo?.scheduler.step();
  };
  return { name, step, times: [] };
}

function loss(model: LayersModel, algo: ModelCompression<LayersModel> | undefined): tf.Scalar {
  const task = tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar;
  return algo === undefined ? task : tf.add(task, algo.loss());
}

for (let round = -WARM_UP; round < ROUNDS; round++) {
  for (const { step, times } of candidates) {
    const start = performance.now();
    step();
    if (round >= 0) times.push(performance.now() - start);
  }
}

const best = ({ times }: Candidate): number => Math.min(...times);
const median = ({ times }: Candidate): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
const [base] = candidates;
console.log(
  `${tf.getBackend()}, ResNet-20, batch ${BATCH}: milliseconds a step, best and median of ${ROUNDS}, and the best's ratio to FP32`,
);
for (const each of candidates) {
  console.log(
    `${each.name.padEnd(12)} ${best(each).toFixed(1).padStart(7)} ${median(each).toFixed(1).padStart(7)} ${(best(each) / best(base as Candidate)).toFixed(2)}`,
  );
}
