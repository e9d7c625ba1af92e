import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pythonEnv } from '../../../scripts/python-env.mjs';

const SCRIPTS = join(import.meta.dirname, '../python');

/**
 * Runs a script of the folder `python` in the environment that has NNCF for PyTorch, which is made first where it is missing. What it prints
 * passes through.
 *
 * @throws Error with the exit status
 */
export function runPython(script: string, args: readonly string[]): void {
  const interpreter = pythonEnv({ environment: 'parity', log: (line) => console.error(line) });
  const { status, error } = spawnSync(interpreter, [join(SCRIPTS, script), ...args], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${script} ended with status ${status}; what it said stands above.`);
}
