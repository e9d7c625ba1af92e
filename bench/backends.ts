/**
 * A training step on WebAssembly beside one on tfjs-node, by turns in one process.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/backends.ts [resnet20|mobilenet_v2|resnet18|unet] [rounds] [batch]
 */
import { useBackend, type BackendName } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import type { Method } from './support/methods.ts';
import { networkNamed } from './support/networks.ts';
import { clocked, inTurn, printTimes, ratioOf, type Timed } from './support/rounds.ts';
import { noiseFor, traineeOf } from './support/trainee.ts';

const [name = 'resnet20', rounds = '5', size] = process.argv.slice(2);
const network = networkNamed(name);
const batch = Number(size ?? network.batch);
const backends: readonly BackendName[] = ['tfjs-node', 'wasm'];
const methods: readonly Method[] = ['fp32', 'int8'];

const candidates = new Map<string, Timed>();
for (const backend of backends) for (const method of methods) candidates.set(`${backend}, ${method}`, await stepOn(backend, method));
const times = await inTurn(candidates, Number(rounds));

console.log(`${name}, batch ${batch}: milliseconds a step in ${rounds} rounds`);
printTimes(times);
for (const method of methods)
  console.log(`${method}: wasm takes ${ratioOf(times, `wasm, ${method}`, `tfjs-node, ${method}`)} times as long`);

/** A step with its backend in use. */
async function stepOn(backend: BackendName, method: Method): Promise<Timed> {
  await useBackend({ prefer: backend, quiet: true });
  const engineName = tf.getBackend();
  const { step } = await traineeOf(network.make, method, noiseFor(network, batch));
  const run = clocked(step);
  return async () => {
    await tf.setBackend(engineName);
    return run();
  };
}
