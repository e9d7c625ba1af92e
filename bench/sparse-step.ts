/**
 * A training step of ResNet-20 (CIFAR shape, batch 64): FP32 beside magnitude and RB sparsity, all in turn in one run.
 *
 *     pnpm exec tsx --conditions=nncf-source bench/sparse-step.ts [rounds]
 */
import { useBackend } from '@nncf/backend';
import type { Method } from './support/methods.ts';
import { networkNamed } from './support/networks.ts';
import { clocked, inTurn, printTimes, ratioOf, type Timed } from './support/rounds.ts';
import { noiseFor, traineeOf } from './support/trainee.ts';

const [rounds = '15'] = process.argv.slice(2);
const methods: readonly Method[] = ['fp32', 'magnitude', 'rb'];

await useBackend();
const network = networkNamed('resnet20');
const noise = noiseFor(network, network.batch);
const candidates = new Map<string, Timed>();
for (const method of methods) candidates.set(method, clocked((await traineeOf(network.make, method, noise)).step));
const times = await inTurn(candidates, Number(rounds));

console.log(`ResNet-20, batch ${network.batch}: milliseconds a step in ${rounds} rounds`);
printTimes(times);
console.log(`To FP32: magnitude ${ratioOf(times, 'magnitude', 'fp32')}, RB ${ratioOf(times, 'rb', 'fp32')}`);
