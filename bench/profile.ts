/**
 * Where a training step spends its time: by kernel and by the shapes that it reads.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/profile.ts [resnet20|mobilenet_v2] [fp32|int8] [batch] [steps]
 */
import { useBackend } from '@nncf/backend';
import { createCompressionAlgorithm } from '@nncf/core';
import '@nncf/quantization';
import { mobileNetV2, resnet20 } from '@nncf/zoo';
import * as tf from '@tensorflow/tfjs-core';

const [network = 'resnet20', method = 'fp32', batch = '64'] = process.argv.slice(2);
const WARM_UP = 3;
const STEPS = Number(process.argv[5] ?? 5);

interface Cost {
  milliseconds: number;
  calls: number;
}

const costs = new Map<string, Cost>();

await useBackend();
const networks = { resnet20: () => resnet20(), mobilenet_v2: () => mobileNetV2({ variant: 'cifar', width: 0.5 }) };
const model = networks[network as keyof typeof networks]();
const x = tf.randomNormal([Number(batch), 32, 32, 3], 0, 1, 'float32', 1);
const y = tf.oneHot(tf.randomUniform([Number(batch)], 0, 10, 'int32', 2), 10);
const algo = method === 'int8' ? await createCompressionAlgorithm(model, { compression: { algorithm: 'quantization' } }) : undefined;
await algo?.initialize([x]);
const main = tf.train.momentum(0.01, 0.9);
const optimizer = algo?.optimizer(main) ?? main;
const variables = [
  ...model.trainableWeights.map((weight) => weight.read() as tf.Variable),
  ...(algo?.parameters ?? []).map(({ variable }) => variable),
];
const step = (): void => {
  optimizer.minimize(
    () => tf.losses.softmaxCrossEntropy(y, model.apply(x, { training: true }) as tf.Tensor) as tf.Scalar,
    false,
    variables,
  );
};

for (let i = 0; i < WARM_UP; i++) step();
watchKernels();
const started = performance.now();
const startedCpu = process.cpuUsage();
for (let i = 0; i < STEPS; i++) step();
const { user, system } = process.cpuUsage(startedCpu);
report((performance.now() - started) / STEPS);

/** Puts a clock around every kernel of the backend. Kernels that call others count their time twice. */
function watchKernels(): void {
  for (const kernel of tf.getKernelsForBackend(tf.getBackend())) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName);
    tf.registerKernel({
      ...kernel,
      kernelFunc: (params) => timed(keyOf(kernel.kernelName, params.inputs), () => kernel.kernelFunc(params)),
    });
  }
}

function keyOf(name: string, inputs: tf.NamedTensorInfoMap): string {
  const shapes = Object.values(inputs)
    .flatMap((input) => (Array.isArray(input) ? input : [input]))
    .slice(0, 2);
  return `${name} ${shapes.map((info) => info?.shape?.join('×') ?? '').join(', ')}`;
}

function timed<T>(key: string, run: () => T): T {
  const start = performance.now();
  const result = run();
  const cost = costs.get(key) ?? { milliseconds: 0, calls: 0 };
  cost.milliseconds += performance.now() - start;
  cost.calls += 1;
  costs.set(key, cost);
  return result;
}

function report(stepMilliseconds: number): void {
  console.log(`${network}, ${method}, batch ${batch}, ${tf.getBackend()}: ${stepMilliseconds.toFixed(1)} ms a step`);
  console.log(
    `of all processors: ${(user / STEPS / 1000).toFixed(1)} ms computing, ${(system / STEPS / 1000).toFixed(1)} ms in the operating system`,
  );
  console.table(rows(byName(), stepMilliseconds, 20));
  console.table(rows(costs, stepMilliseconds, 25));
}

function byName(): Map<string, Cost> {
  const sums = new Map<string, Cost>();
  for (const [key, { milliseconds, calls }] of costs) {
    const name = key.split(' ')[0]!;
    const sum = sums.get(name) ?? { milliseconds: 0, calls: 0 };
    sums.set(name, { milliseconds: sum.milliseconds + milliseconds, calls: sum.calls + calls });
  }
  return sums;
}

function rows(of: ReadonlyMap<string, Cost>, total: number, count: number): Record<string, { ms: string; share: string; calls: number }> {
  const sorted = [...of].toSorted(([, a], [, b]) => b.milliseconds - a.milliseconds).slice(0, count);
  return Object.fromEntries(
    sorted.map(([name, { milliseconds, calls }]) => {
      const ms = milliseconds / STEPS;
      return [name, { ms: ms.toFixed(2), share: `${((100 * ms) / total).toFixed(1)} %`, calls: calls / STEPS }];
    }),
  );
}
