import { join } from 'node:path';
import type { Context } from './context.ts';
import { lastLines } from './errors.ts';
import { run } from './run.ts';
import type { Target } from './target.ts';

/** Milliseconds that loading may take: the library is large, the disk may be slow. */
const PATIENCE = 120_000;

/** Loads the package as a program would and computes something; in a process of its own, because a broken library ends the process. */
const PROGRAM = `
const util = require('node:util');
util.isNullOrUndefined ??= (value) => value === null || value === undefined;
util.isArray ??= Array.isArray;
const tf = require(process.argv[1]);
const [sum] = tf.tensor1d([1, 2, 3]).sum().dataSync();
if (sum !== 6) throw new Error('1 + 2 + 3 came out as ' + sum);
`;

/** Whether tfjs-node works, and the reason where it does not. */
export interface Probe {
  readonly loads: boolean;
  readonly reason: string;
}

function reasonFrom(stderr: string): string {
  const line = stderr.split('\n').find((text) => /(^|\s)\w*Error:/.test(text));
  return line?.trim() ?? lastLines(stderr, 2);
}

/** Tries the package in a child process. */
export async function probe(context: Context, target: Target): Promise<Probe> {
  const env = { ...context.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const main = join(target.folder, 'dist', 'index.js');
  const { code, stderr, timedOut } = await run(context.node, ['-e', PROGRAM, main], { env, cwd: target.folder, timeout: PATIENCE });
  if (code === 0) return { loads: true, reason: '' };
  if (timedOut) return { loads: false, reason: 'it did not load within two minutes' };
  return { loads: false, reason: reasonFrom(stderr) || 'it ended the process' };
}
