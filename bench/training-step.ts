/**
 * A training step in this project, in TensorFlow.js as it comes, in PyTorch and in NNCF for PyTorch, all in turn in one run. The Python environment (6 GB) is made
 * on first use.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/training-step.ts [resnet20|mobilenet_v2|resnet18] [rounds] [batch]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { disableTrainingKernels, enableTrainingKernels, useBackend } from '@nncf/backend';
import { createCompressionAlgorithm, type AlgorithmConfig } from '@nncf/core';
import '@nncf/quantization';
import '@nncf/rb-sparsity';
import { mobileNetV2, resnet18, resnet20 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import { pythonEnv } from '../scripts/python-env.mjs';

const NETWORKS: Record<string, { readonly make: () => LayersModel; readonly batch: number }> = {
  resnet20: { make: () => resnet20(), batch: 64 },
  mobilenet_v2: { make: () => mobileNetV2({ variant: 'cifar', width: 0.5 }), batch: 64 },
  resnet18: { make: () => resnet18({ stem: 'cifar' }), batch: 32 },
};
const [network = 'resnet20', rounds = '15', size] = process.argv.slice(2);
const { make, batch: usual } = NETWORKS[network] ?? NETWORKS['resnet20']!;
const batch = Number(size ?? usual);
const WARM_UP = 3;
const INT8: AlgorithmConfig = { algorithm: 'quantization', initializer: { range: { num_init_samples: 64 } } };
const METHODS: Record<string, readonly AlgorithmConfig[]> = {
  fp32: [],
  int8: [INT8],
  'int8+rb': [{ algorithm: 'rb_sparsity', sparsity_init: 0.5 }, INT8],
};

/** Does one step; milliseconds. */
type Step = () => Promise<number>;

await useBackend();
const x = tf.randomNormal([batch, 32, 32, 3], 0, 1, 'float32', 1);
const y = tf.oneHot(tf.randomUniform([batch], 0, 10, 'int32', 2), 10);
const candidates = new Map<string, Step>();
for (const [method, sections] of Object.entries(METHODS)) candidates.set(`ours, ${method}`, await ours(sections));
candidates.set('TensorFlow.js, fp32', stock(await ours([])));
const torch = startTorch();
const versions = await torch.answer();
for (const method of Object.keys(METHODS)) candidates.set(`PyTorch, ${method}`, () => torch.step(method));
const times = await measure();
torch.end();
report(times);

async function ours(sections: readonly AlgorithmConfig[]): Promise<Step> {
  const model = make();
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
  return async () => {
    const start = performance.now();
    optimizer.minimize(loss, false, variables);
    algo?.scheduler.step();
    return performance.now() - start;
  };
}

/** The same without the kernels of this project. */
function stock(step: Step): Step {
  return async () => {
    disableTrainingKernels();
    try {
      return await step();
    } finally {
      enableTrainingKernels();
    }
  };
}

interface Torch {
  answer(): Promise<string>;
  step(method: string): Promise<number>;
  end(): void;
}

function startTorch(): Torch {
  const script = fileURLToPath(new URL('peers/torch_step.py', import.meta.url));
  const child = spawn(pythonEnv({ environment: 'parity', log: console.error }), [script], { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const say = (line: string): boolean => child.stdin.write(`${line}\n`);
  say(JSON.stringify({ network, batch, methods: Object.keys(METHODS), threads: availableParallelism() }));
  const answer = (): Promise<string> => nextLine(lines, child);
  const step = async (method: string): Promise<number> => {
    say(method);
    return Number(await answer());
  };
  return { answer, step, end: () => say('') };
}

async function nextLine(lines: AsyncIterator<string>, { spawnargs }: ChildProcess): Promise<string> {
  const { done, value } = await lines.next();
  if (done === true) throw new Error(`${spawnargs.join(' ')} ended early; run it alone to see why.`);
  return value;
}

async function measure(): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>([...candidates.keys()].map((name) => [name, []]));
  for (let round = -WARM_UP; round < Number(rounds); round++) {
    for (const [name, step] of candidates) {
      const milliseconds = await step();
      if (round >= 0) times.get(name)?.push(milliseconds);
    }
  }
  return times;
}

function report(times: ReadonlyMap<string, readonly number[]>): void {
  console.log(`${network}, batch ${batch}, ${availableParallelism()} processors, ${versions}: milliseconds a step in ${rounds} rounds`);
  const medians = new Map([...times].map(([name, values]) => [name, quantile(values, 0.5)]));
  const ratio = (a: string, b: string): string => (medians.get(a)! / medians.get(b)!).toFixed(2);
  const row = (values: readonly number[]): Record<string, string> =>
    Object.fromEntries([0, 0.5, 1].map((q, i) => [['minimum', 'median', 'maximum'][i]!, quantile(values, q).toFixed(1)]));
  console.table(Object.fromEntries([...times].map(([name, values]) => [name, row(values)])));
  console.log(`FP32 to TensorFlow.js ${ratio('ours, fp32', 'TensorFlow.js, fp32')}, to PyTorch ${ratio('ours, fp32', 'PyTorch, fp32')}`);
  console.log(`INT8 to NNCF ${ratio('ours, int8', 'PyTorch, int8')}, to our FP32 ${ratio('ours, int8', 'ours, fp32')}`);
  console.log(`INT8 + RB to NNCF ${ratio('ours, int8+rb', 'PyTorch, int8+rb')}, to our FP32 ${ratio('ours, int8+rb', 'ours, fp32')}`);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.round(q * (sorted.length - 1))] ?? Number.NaN;
}
