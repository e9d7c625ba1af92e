/** The official installation of tfjs-node: its own script, which downloads TensorFlow 2.9 and a ready addon from a storage host. */
import { cp, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { Context } from './context.ts';
import { lastLines } from './errors.ts';
import { exists, makeTemporary, replaceFolder, writeAtomically } from './files.ts';
import { run } from './run.ts';
import type { Target } from './target.ts';

/** Milliseconds: to find out that the host does not answer; for the download; until a failure is tried again. */
const TIMES = { reach: 4_000, download: 15 * 60_000, forget: 7 * 24 * 3_600_000 };

interface Failure {
  readonly at: number;
  readonly reason: string;
}

function failurePath(context: Context, target: Target): string {
  return join(context.cache, 'official', `${target.name.replace('/', '-')}-${target.version}.json`);
}

/** Why the official installation failed lately; undefined where it may be tried. */
async function recentFailure(context: Context, target: Target): Promise<string | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(failurePath(context, target), 'utf8'));
    if (typeof parsed !== 'object' || parsed === null || !('at' in parsed) || !('reason' in parsed)) return undefined;
    const failure: Failure = { at: Number(parsed.at), reason: String(parsed.reason) };
    return Date.now() - failure.at < TIMES.forget ? failure.reason : undefined;
  } catch {
    return undefined;
  }
}

/** Where the package says its downloads are. */
async function downloadHost(env: NodeJS.ProcessEnv, target: Target): Promise<string | undefined> {
  const chosen = env['TFJS_NODE_CDN_STORAGE'] ?? env['CDN_STORAGE'];
  if (chosen !== undefined) return chosen;
  const described: unknown = JSON.parse(await readFile(join(target.folder, 'package.json'), 'utf8'));
  if (typeof described !== 'object' || described === null || !('binary' in described)) return undefined;
  const { binary } = described;
  return typeof binary === 'object' && binary !== null && 'host' in binary ? String(binary.host) : undefined;
}

/** Asks the storage host for anything at all, so that a firewall costs seconds and not the script's own long wait. */
async function unreachable(env: NodeJS.ProcessEnv, target: Target): Promise<string | undefined> {
  // Behind a proxy only the script itself knows the way.
  const host = (env['HTTPS_PROXY'] ?? env['https_proxy']) ? undefined : await downloadHost(env, target);
  if (host === undefined) return undefined;
  try {
    await fetch(host, { method: 'HEAD', signal: AbortSignal.timeout(TIMES.reach) });
    return undefined;
  } catch {
    return 'its download host is out of reach';
  }
}

/** Environment in which a copy of the package, put elsewhere, finds the package's dependencies and `node-pre-gyp`. */
async function environmentOfCopy(context: Context, target: Target, folder: string): Promise<NodeJS.ProcessEnv> {
  const gyp = createRequire(join(target.folder, 'package.json')).resolve('@mapbox/node-pre-gyp/bin/node-pre-gyp');
  const commands = join(folder, 'commands');
  await mkdir(commands, { recursive: true });
  await symlink(gyp, join(commands, 'node-pre-gyp'));
  const modules = [join(target.folder, 'node_modules'), join(target.folder, '..', '..'), join(dirname(gyp), '..', '..', '..')];
  const path = [commands, dirname(context.node), context.env['PATH'] ?? ''].join(delimiter);
  return { ...context.env, PATH: path, NODE_PATH: modules.join(delimiter) };
}

/** Runs the package's script on a copy, since it rewrites package.json while it works, and moves the result over. */
async function installCopy(context: Context, target: Target, temporary: string): Promise<string | undefined> {
  const copy = join(temporary, 'package');
  await cp(target.folder, copy, {
    recursive: true,
    filter: (from) => !['node_modules', 'deps', 'lib'].some((name) => from === join(target.folder, name)),
  });
  const env = await environmentOfCopy(context, target, temporary);
  const args = ['scripts/install.js', ...(context.flavour === 'gpu' ? ['gpu', 'download'] : [])];
  const { code, stdout, stderr, timedOut } = await run(context.node, args, { env, cwd: copy, timeout: TIMES.download });
  if (timedOut) return 'its download did not finish in time';
  const addon = target.addon.slice(target.folder.length + 1);
  if (code !== 0 || !(await exists(join(copy, addon)))) return `its script failed: ${lastLines(stderr || stdout, 1)}`;
  await replaceFolder(join(copy, 'deps'), join(target.folder, 'deps'));
  await replaceFolder(join(copy, 'lib'), join(target.folder, 'lib'));
  return undefined;
}

/**
 * Tries the official installation. A failure is remembered for a week, so that it costs nothing the next time.
 *
 * @param retry Forget an earlier failure.
 * @returns The reason where it failed.
 */
export async function installOfficially(context: Context, target: Target, retry: boolean): Promise<string | undefined> {
  const known = retry ? undefined : await recentFailure(context, target);
  if (known !== undefined) return `${known} (tried earlier)`;
  context.report.step(`Trying the official installation of ${target.name} ${target.version}`);
  const reason = (await unreachable(context.env, target)) ?? (await tryCopy(context, target));
  if (reason !== undefined) await rememberFailure(context, target, reason);
  return reason;
}

async function tryCopy(context: Context, target: Target): Promise<string | undefined> {
  const temporary = await makeTemporary(context.cache);
  try {
    return await installCopy(context, target, temporary);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Remembers a failure, also one that shows only when the result is loaded. */
export async function rememberFailure(context: Context, target: Target, reason: string): Promise<void> {
  await writeAtomically(failurePath(context, target), JSON.stringify({ at: Date.now(), reason } satisfies Failure));
}
