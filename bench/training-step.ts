/**
 * A training step in this project, in TensorFlow.js as it comes, in PyTorch and in NNCF for PyTorch, all in turn in one run. The Python environment (7 GB) is made
 * on first use.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/training-step.ts [resnet20|mobilenet_v2|resnet18|unet] [rounds] [batch]
 */
import { availableParallelism } from 'node:os';
import { useBackend } from '@nncf/backend';
import type { Method } from './support/methods.ts';
import { networkNamed } from './support/networks.ts';
import { clocked, inTurn, printTimes, ratioOf, type Timed } from './support/rounds.ts';
import { startTorch } from './support/torch.ts';
import { asStock, noiseFor, traineeOf } from './support/trainee.ts';

const [name = 'resnet20', rounds = '15', size] = process.argv.slice(2);
const network = networkNamed(name);
const batch = Number(size ?? network.batch);
const methods: readonly Method[] = ['fp32', 'int8', 'int8+rb'];

await useBackend();
const noise = noiseFor(network, batch);
const candidates = new Map<string, Timed>();
for (const method of methods) candidates.set(`ours, ${method}`, clocked((await traineeOf(network.make, method, noise)).step));
const stock = await traineeOf(network.make, 'fp32', noise);
candidates.set(
  'TensorFlow.js, fp32',
  clocked(() => asStock(stock.step)),
);
const torch = await startTorch({ network: name, batch, methods, threads: availableParallelism() });
for (const method of methods) candidates.set(`PyTorch, ${method}`, () => torch.step(method));
const times = await inTurn(candidates, Number(rounds));
torch.end();

console.log(`${name}, batch ${batch}, ${availableParallelism()} processors, ${torch.versions}: milliseconds a step in ${rounds} rounds`);
printTimes(times);
const ratio = (a: string, b: string): string => ratioOf(times, a, b);
console.log(`FP32 to TensorFlow.js ${ratio('ours, fp32', 'TensorFlow.js, fp32')}, to PyTorch ${ratio('ours, fp32', 'PyTorch, fp32')}`);
console.log(`INT8 to NNCF ${ratio('ours, int8', 'PyTorch, int8')}, to our FP32 ${ratio('ours, int8', 'ours, fp32')}`);
console.log(`INT8 + RB to NNCF ${ratio('ours, int8+rb', 'PyTorch, int8+rb')}, to our FP32 ${ratio('ours, int8+rb', 'ours, fp32')}`);
