import { join } from 'node:path';
import { ensureAddon } from './addon.ts';
import { cacheRoot, TENSORFLOW_VERSION, type Context, type Flavour, type Reporter } from './context.ts';
import { LibtensorflowError } from './errors.ts';
import { removeAbandoned } from './files.ts';
import { ensureLibrary } from './library.ts';
import { withLock } from './lock.ts';
import { installOfficially, rememberFailure } from './official.ts';
import { areOperationsCurrent, ensureOperations } from './operations.ts';
import { place, unplace } from './place.ts';
import { probe } from './probe.ts';
import { findTarget, isKnownToLoad, rememberLoads, type Target } from './target.ts';

/** What {@link install} is told. */
export interface InstallOptions {
  /** The folder of tfjs-node itself, or of a project that has it. @default process.cwd() */
  readonly packageDir?: string | undefined;
  /** `gpu` for `@tensorflow/tfjs-node-gpu` with CUDA. @default 'cpu' */
  readonly flavour?: Flavour | undefined;
  /** TensorFlow release for the way through the wheel. @default TENSORFLOW_VERSION */
  readonly tensorflow?: string | undefined;
  /** Whether tfjs-node's own installation is tried: `once` remembers a failure for a week. @default 'once' */
  readonly official?: 'once' | 'again' | 'never' | undefined;
  /** Check every cached file's checksum. @default false */
  readonly verify?: boolean | undefined;
  /** Told about steps and progress. @default silent */
  readonly report?: Reporter | undefined;
  /** Environment of the commands that are run, and of the cache's place. @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** How tfjs-node came to work. */
export interface InstallReport {
  /** `present`: it worked already. `official`: its own installation. `wheel`: TensorFlow's Python wheel and a compiled addon. */
  readonly how: 'present' | 'official' | 'wheel';
  /** Folder of the tfjs-node package. */
  readonly packageDir: string;
  /** Reason why the official installation did not serve, where it was tried. */
  readonly officialFailure: string | undefined;
}

const SILENT: Reporter = { step: () => {}, progress: () => {}, settle: () => {} };

function contextOf(options: InstallOptions): Context {
  const env = options.env ?? process.env;
  return {
    env,
    platform: process.platform,
    arch: process.arch,
    node: process.execPath,
    flavour: options.flavour ?? 'cpu',
    tensorflow: options.tensorflow ?? TENSORFLOW_VERSION,
    cache: join(cacheRoot(env), 'libtensorflow'),
    report: options.report ?? SILENT,
  };
}

/**
 * Makes tfjs-node work on this machine: uses it if it loads, else tries its official installation, else takes TensorFlow's library from the Python
 * wheel and compiles the addon. Concurrent runs wait for each other; a kill at any moment leaves nothing half-installed.
 *
 * @throws LibtensorflowError that names what is missing and what runs instead.
 */
export async function install(options: InstallOptions = {}): Promise<InstallReport> {
  const context = contextOf(options);
  const target = await findTarget(options.packageDir ?? process.cwd(), context.flavour);
  if (!(options.verify ?? false) && (await isKnownToLoad(context, target)) && (await areOperationsCurrent(target)))
    return report('present', target);
  return withLock(
    context.cache,
    () => installLocked(context, target, options),
    () => context.report.step('Waiting for another installation to finish'),
  );
}

function report(how: InstallReport['how'], target: Target, officialFailure?: string): InstallReport {
  return { how, packageDir: target.folder, officialFailure };
}

async function installLocked(context: Context, target: Target, options: InstallOptions): Promise<InstallReport> {
  await Promise.all([removeAbandoned(context.cache), removeAbandoned(target.folder)]);
  const verify = options.verify ?? false;
  const ownLibrary = !(await areOperationsCurrent(target));
  if (!verify && !ownLibrary && (await loads(context, target))) return report('present', target);
  const official = ownLibrary ? 'never' : (options.official ?? 'once');
  const officialFailure = official === 'never' ? undefined : await tryOfficial(context, target, official === 'again');
  if (official !== 'never' && officialFailure === undefined) return report('official', target);
  await installFromWheel(context, target, verify);
  return report('wheel', target, officialFailure);
}

async function loads(context: Context, target: Target): Promise<boolean> {
  const result = await probe(context, target);
  if (result.loads) await rememberLoads(context, target);
  return result.loads;
}

async function tryOfficial(context: Context, target: Target, retry: boolean): Promise<string | undefined> {
  const failure = await installOfficially(context, target, retry);
  if (failure !== undefined) return failure;
  const result = await probe(context, target);
  if (result.loads) {
    await rememberLoads(context, target);
    return undefined;
  }
  const reason = `what it installed does not load: ${result.reason}`;
  await unplace(target);
  await rememberFailure(context, target, reason);
  return reason;
}

/** Twice at most: where the cached library does not load, its checksums are checked before the second time. */
async function installFromWheel(context: Context, target: Target, verify: boolean): Promise<void> {
  let reason = '';
  for (const thorough of verify ? [true] : [false, true]) {
    const library = await ensureLibrary(context, thorough);
    const fresh = thorough ? { ...library, cached: false } : library;
    await place(target, library, await ensureAddon(context, target, fresh), await ensureOperations(context, fresh));
    context.report.step('Loading it');
    const result = await probe(context, target);
    if (result.loads) return rememberLoads(context, target);
    reason = result.reason;
  }
  await unplace(target);
  throw new LibtensorflowError({
    code: 'LOAD_FAILED',
    message: `The library was installed but does not load: ${reason}`,
    hint: `Remove ${context.cache} and run this again; if it stays so, this machine lacks something that TensorFlow ${context.tensorflow} needs.`,
  });
}
