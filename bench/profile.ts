/**
 * Where a training step spends its time: by kernel and by the shapes that it reads.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/profile.ts [resnet20|mobilenet_v2|resnet18|unet] [fp32|int8|magnitude|rb|int8+rb] [batch] [steps]
 */
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import { methodNamed } from './support/methods.ts';
import { networkNamed } from './support/networks.ts';
import { noiseFor, traineeOf } from './support/trainee.ts';

const [name = 'resnet20', method = 'fp32', size, count = '5'] = process.argv.slice(2);
const WARM_UP = 3;
const STEPS = Number(count);

interface Cost {
  milliseconds: number;
  calls: number;
}

const costs = new Map<string, Cost>();

await useBackend();
const network = networkNamed(name);
const batch = Number(size ?? network.batch);
const { step } = await traineeOf(network.make, methodNamed(method), noiseFor(network, batch));

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
  console.log(`${name}, ${method}, batch ${batch}, ${tf.getBackend()}: ${stepMilliseconds.toFixed(1)} ms a step`);
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
