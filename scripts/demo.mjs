/** `npm run demo`: all the set-up of a fresh clone, then the main job on MNIST. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

try {
  setup();
  const cli = join('samples', 'classification', 'src', 'cli.ts');
  const options = ['--import', 'tsx', '--conditions=nncf-source', cli, 'demo', ...process.argv.slice(2)];
  const { status, error } = spawnSync(process.execPath, options, { cwd: root, stdio: 'inherit' });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
