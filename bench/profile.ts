/**
 * Where a training step spends its time: by kernel, by the shapes that it reads, and by layer. Kernels of the backward pass and of the optimizer belong to no
 * layer.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/profile.ts [resnet20|mobilenet_v2|resnet18|unet] [fp32|int8|magnitude|rb|int8+rb] [batch] [steps]
 */
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import type { LayersModel } from '@tensorflow/tfjs-layers';
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
const layerCosts = new Map<string, Cost>();
let presentLayer = '(backward pass, optimizer)';

await useBackend();
const network = networkNamed(name);
const batch = Number(size ?? network.batch);
const { model, step } = await traineeOf(network.make, methodNamed(method), noiseFor(network, batch));

for (let i = 0; i < WARM_UP; i++) step();
watchKernels();
for (const layer of model.layers) watchLayer(layer);
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

/** Notes which layer is at work. */
function watchLayer(layer: LayersModel['layers'][number]): void {
  const call = layer.call.bind(layer);
  layer.call = (...args) => {
    const outer = presentLayer;
    presentLayer = layer.name;
    try {
      return call(...args);
    } finally {
      presentLayer = outer;
    }
  };
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
  const milliseconds = performance.now() - start;
  charge(costs, key, milliseconds);
  charge(layerCosts, presentLayer, milliseconds);
  return result;
}

function charge(to: Map<string, Cost>, key: string, milliseconds: number): void {
  const cost = to.get(key) ?? { milliseconds: 0, calls: 0 };
  to.set(key, { milliseconds: cost.milliseconds + milliseconds, calls: cost.calls + 1 });
}

function report(stepMilliseconds: number): void {
  console.log(`${name}, ${method}, batch ${batch}, ${tf.getBackend()}: ${stepMilliseconds.toFixed(1)} ms a step`);
  console.log(
    `of all processors: ${(user / STEPS / 1000).toFixed(1)} ms computing, ${(system / STEPS / 1000).toFixed(1)} ms in the operating system`,
  );
  console.table(rows(byName(), stepMilliseconds, 20));
  console.table(rows(costs, stepMilliseconds, 25));
  console.table(rows(layerCosts, stepMilliseconds, 25));
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
