import { createHash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { NAPI_VERSION, type Context, type Flavour } from './context.ts';
import { LibtensorflowError } from './errors.ts';
import { exists, writeAtomically } from './files.ts';

/** The installed tfjs-node package whose native part is wanted. */
export interface Target {
  readonly name: string;
  readonly version: string;
  /** Its folder, symbolic links resolved. */
  readonly folder: string;
  /** `lib/napi-v8/tfjs_binding.node` in it. */
  readonly addon: string;
}

/** npm package of a flavour. */
function packageName(flavour: Flavour): string {
  return flavour === 'gpu' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
}

async function readPackage(path: string): Promise<{ name: string; version: string } | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('name' in parsed) || !('version' in parsed)) return undefined;
    return { name: String(parsed.name), version: String(parsed.version) };
  } catch {
    return undefined;
  }
}

/** Looks through `node_modules` upwards, as Node does; Node's own search would follow NODE_PATH into foreign projects too. */
async function resolveFrom(folder: string, name: string): Promise<string | undefined> {
  const path = join(folder, 'node_modules', name, 'package.json');
  if (await exists(path)) return path;
  return dirname(folder) === folder ? undefined : resolveFrom(dirname(folder), name);
}

/**
 * Finds the package: `folder` is its own folder, or that of a project which has it.
 *
 * @throws LibtensorflowError `TFJS_NODE_MISSING`
 */
export async function findTarget(folder: string, flavour: Flavour): Promise<Target> {
  const name = packageName(flavour);
  const own = join(resolve(folder), 'package.json');
  const path = (await readPackage(own))?.name === name ? own : await resolveFrom(resolve(folder), name);
  const found = path === undefined ? undefined : await readPackage(path);
  if (path === undefined || found === undefined) {
    throw new LibtensorflowError({
      code: 'TFJS_NODE_MISSING',
      message: `${name} is not installed in ${resolve(folder)}.`,
      hint: `Run "npm install --ignore-scripts ${name}" there first.`,
    });
  }
  const real = await realpath(dirname(path));
  return { ...found, folder: real, addon: join(real, 'lib', `napi-v${NAPI_VERSION}`, 'tfjs_binding.node') };
}

/** Files whose change would make a remembered "it loads" worthless. */
function watched(target: Target): string[] {
  const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', 'libtensorflow.so.2'];
  return [target.addon, ...libraries.map((library) => join(target.folder, 'deps', 'lib', library))];
}

async function fingerprint(target: Target, node: string): Promise<string | undefined> {
  const stats = await Promise.all(watched(target).map((path) => stat(path).catch(() => undefined)));
  if (stats[0] === undefined) return undefined;
  return JSON.stringify([node, process.version, stats.map((found) => (found === undefined ? null : [found.size, found.mtimeMs]))]);
}

function recordPath(context: Context, target: Target): string {
  const key = createHash('sha256').update(target.folder).digest('hex').slice(0, 16);
  return join(context.cache, 'known', `${key}.json`);
}

/** True where this very installation was seen to load before and has not changed since. */
export async function isKnownToLoad(context: Context, target: Target): Promise<boolean> {
  const now = await fingerprint(target, context.node);
  const before = await readFile(recordPath(context, target), 'utf8').catch(() => undefined);
  return now !== undefined && now === before;
}

/** Remembers that this installation loads. */
export async function rememberLoads(context: Context, target: Target): Promise<void> {
  const now = await fingerprint(target, context.node);
  if (now !== undefined) await writeAtomically(recordPath(context, target), now);
}
