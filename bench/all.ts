/** Every bench in turn, each in a process of its own: the figures of RESULTS.md. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { NETWORKS } from './support/networks.ts';

const RUNS: readonly (readonly [bench: string, ...args: string[]])[] = [
  ...Object.keys(NETWORKS).map((network) => ['training-step', network] as const),
  ['backends'],
  ['sparse-step'],
  ['memory'],
  ['preparation'],
  ['scaling'],
  ['exported-latency'],
  ['binary-latency'],
  ['pruned-latency'],
  ['sparse-inference'],
];

for (const [bench, ...args] of RUNS) {
  console.log(`── ${[bench, ...args].join(' ')}`);
  const file = fileURLToPath(new URL(`${bench}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, [...process.execArgv, file, ...args], { stdio: 'inherit' });
  // The others may still be of use.
  if (status !== 0) process.exitCode = 1;
}
