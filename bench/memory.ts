/**
 * Peak memory of training, each candidate in a process of its own: this project, TensorFlow.js as it comes, PyTorch and NNCF for PyTorch.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/memory.ts [resnet20|mobilenet_v2|resnet18|unet] [steps]
 */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { useBackend } from '@nncf/backend';
import { methodNamed, type Method } from './support/methods.ts';
import { networkNamed } from './support/networks.ts';
import { startTorch } from './support/torch.ts';
import { asStock, noiseFor, traineeOf } from './support/trainee.ts';

const METHODS: readonly Method[] = ['fp32', 'int8', 'int8+rb'];
const [name = 'resnet20', count = '20', only] = process.argv.slice(2);
const network = networkNamed(name);
const steps = Number(count);

if (only === undefined) await compare();
else await trainAlone(only);

async function compare(): Promise<void> {
  const ours = new Map(METHODS.map((method) => [method, inOwnProcess(method)]));
  const rows: Record<string, Record<string, string>> = {};
  for (const [method, peak] of ours) rows[`ours, ${method}`] = shown(peak, ours.get('fp32')!);
  rows['TensorFlow.js, fp32'] = shown(inOwnProcess('stock'), ours.get('fp32')!);
  for (const method of METHODS) rows[`PyTorch, ${method}`] = shown(await torchAlone(method), ours.get('fp32')!);
  console.log(`${name}, batch ${network.batch}: peak of resident memory after ${steps} steps, and its ratio to our FP32`);
  console.table(rows);
}

function shown(megabytes: number, base: number): Record<string, string> {
  return { MB: megabytes.toFixed(0), ratio: (megabytes / base).toFixed(2) };
}

/** Peak of a process that runs this file for one candidate. */
function inOwnProcess(candidate: string): number {
  const self = [fileURLToPath(import.meta.url), name, count, candidate];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...process.execArgv, ...self], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout.trim().split('\n').at(-1));
}

async function trainAlone(candidate: string): Promise<void> {
  await useBackend();
  const isStock = candidate === 'stock';
  const { step } = await traineeOf(network.make, isStock ? 'fp32' : methodNamed(candidate), noiseFor(network, network.batch));
  const run = isStock ? () => asStock(step) : step;
  for (let i = 0; i < steps; i++) run();
  console.log(process.resourceUsage().maxRSS / 1000);
}

async function torchAlone(method: Method): Promise<number> {
  const torch = await startTorch({ network: name, batch: network.batch, methods: [method], threads: availableParallelism() });
  for (let i = 0; i < steps; i++) await torch.step(method);
  const peak = await torch.peakMemory();
  torch.end();
  return peak;
}
