/** This project's own TensorFlow operations (`ops/`), compiled against the library in the cache. A gain in speed: without them all works too. */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile, sourceKey } from './compile.ts';
import { buildName, type Context } from './context.ts';
import { LibtensorflowError } from './errors.ts';
import { exists } from './files.ts';
import { LIBRARIES, type Library } from './library.ts';
import type { Target } from './target.ts';

const SOURCES = fileURLToPath(new URL('../ops/', import.meta.url));

/**
 * The numbers must be those of TensorFlow.js's compositions: no contraction to fused multiply-adds, no reordering. What remains lets loops be
 * vectorized.
 */
const FLAGS = ['-O3', '-ffp-contract=off', '-fno-math-errno', '-fno-trapping-math', '-pthread'];

/** The compiled operations, or the reason why there are none. */
export interface Operations {
  /** Names the sources they were made from. */
  readonly key: string;
  /** Path of the compiled library; undefined where it could not be compiled. */
  readonly path: string | undefined;
}

/** Name of the present sources. */
function operationsKey(): Promise<string> {
  return sourceKey(SOURCES, FLAGS.join(' '));
}

/** Gives the compiled operations from the cache, or compiles them there; a failure is told and not thrown. */
export async function ensureOperations(context: Context, library: Library): Promise<Operations> {
  const key = await operationsKey();
  const output = join(context.cache, `ops-${buildName(context)}-${key}`, 'nncf_ops.node');
  if (library.cached && (await exists(output))) return { key, path: output };
  try {
    const sources = (await readdir(SOURCES)).filter((name) => name.endsWith('.cc')).map((name) => join(SOURCES, name));
    await compile(context, library, { label: 'the fused training operations', sources, includes: [SOURCES], flags: FLAGS, output });
    return { key, path: output };
  } catch (error) {
    if (!(error instanceof LibtensorflowError)) throw error;
    context.report.step('The fused training operations could not be compiled: training works without them, more slowly');
    return { key, path: undefined };
  }
}

/** Where the operations stand in the package: beside its addon, with the name of their sources. */
export function operationPaths(target: Target): { library: string; key: string } {
  const folder = dirname(target.addon);
  return { library: join(folder, 'nncf_ops.node'), key: join(folder, 'nncf_ops.key') };
}

/** False where the package has this package's library, but operations of other sources or none. */
export async function areOperationsCurrent(target: Target): Promise<boolean> {
  if (!(await exists(target.addon)) || !(await exists(join(target.folder, 'deps', 'lib', LIBRARIES[0])))) return true;
  const placed = await readFile(operationPaths(target).key, 'utf8').catch(() => undefined);
  return placed === (await operationsKey());
}
