import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { useBackend } from '@nncf/backend';
import { brokenPromises, demoReport } from '../demo/summary.ts';
import { demo } from '../demo/demo.ts';
import { progressFor, toTable } from '@nncf/sample-training';
import { resolveSettings, type Settings } from '../settings/settings.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));

/** The command `demo`: the whole way on MNIST in a few minutes. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('train, quantize, fine-tune, export and measure a small network on MNIST')
    .option('--log-dir <dir>', 'for the files', join(relative('.', ROOT), 'runs', 'demo'))
    .action(execute);
}

async function execute({ logDir }: { logDir: string }): Promise<void> {
  const started = performance.now();
  const config = (name: string): string => join(ROOT, 'configs', 'classification', name);
  const float = await resolveSettings({ config: config('demo_mnist.json') });
  const int8 = await resolveSettings({ config: config('demo_mnist_int8.json') });
  const { name: backend } = await useBackend();
  const { summary, times } = await demo({ ...paced(float, backend), int8, dir: logDir, backend, progress: progressFor() });
  console.info(toTable(demoReport(summary, times)));
  console.info(`files and summary.json: ${logDir}; ${((performance.now() - started) / 1000).toFixed(0)} s on ${backend}`);
  for (const line of brokenPromises(summary)) {
    console.error(`not as promised: ${line}`);
    process.exitCode = 1;
  }
}

/** WebAssembly and plain JavaScript train on one thread: less of everything keeps the demo short and its promises. */
function paced(float: Settings, backend: string): { float: Settings; fineTuningImages?: number } {
  if (backend.startsWith('tfjs-node')) return { float };
  console.info(`${backend} is slower: one epoch of training, and fine-tuning on a third of the pictures`);
  return { float: { ...float, epochs: 1, learningRate: { ...float.learningRate, epochs: 1 } }, fineTuningImages: 20_000 };
}
