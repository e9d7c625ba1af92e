import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pythonEnv } from '../../../scripts/python-env.mjs';

const SCRIPT = fileURLToPath(new URL('../python/check_onnx.py', import.meta.url));

/** What `onnx.checker` has against each file; null where nothing. @throws Error when Python does not run */
export function checkerComplaints(files: readonly string[]): (string | null)[] {
  const { status, stdout, stderr, error } = spawnSync(pythonEnv(), [SCRIPT, ...files], { encoding: 'utf8', maxBuffer: 2 ** 24 });
  if (status !== 0) throw error ?? new Error(stderr);
  return JSON.parse(stdout) as (string | null)[];
}
