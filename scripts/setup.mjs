/**
 * All the set-up of a fresh clone: the dependencies (pnpm itself comes through npx) and the native TensorFlow library. Needs Node, npm and, for the
 * native library, python3 with pip and g++. A second run finds everything in place and takes a moment.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STAMP = join(ROOT, 'node_modules', '.nncf-setup.json');
const WORKSPACE_FOLDERS = ['packages', 'packages-private', 'samples'];

/** Backends that do without the native library. */
const WITHOUT_NATIVE = ['wasm', 'cpu'];

/**
 * @typedef {object} SetupResult
 * @property {boolean} native Whether tfjs-node works here.
 * @property {boolean} fresh Whether anything had to be done.
 */

/** @param {string} text */
function say(text) {
  console.info(`[nncf] [setup] ${text}`);
}

/** Runs a command with its output shown; its exit code. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', shell: process.platform === 'win32' });
  if (error !== undefined)
    throw new Error(`[nncf] [setup] ${command} does not run: ${error.message}. Node.js brings it; is it on the PATH?`);
  return status ?? 1;
}

function packageFiles() {
  const folders = WORKSPACE_FOLDERS.filter((folder) => existsSync(join(ROOT, folder)));
  const packages = folders.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name, 'package.json')));
  return ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', join('bench', 'package.json'), ...packages.toSorted()];
}

/** What the dependencies depend on. */
function dependenciesKey() {
  const hash = createHash('sha256').update(process.platform).update(process.arch);
  for (const file of packageFiles()) {
    const path = join(ROOT, file);
    if (existsSync(path)) hash.update(file).update(readFileSync(path));
  }
  return hash.digest('hex');
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return {};
  }
}

/** Written in one go, so that a kill leaves the old one or the new one. */
function writeStamp(stamp) {
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(`${STAMP}.${process.pid}`, JSON.stringify(stamp));
  renameSync(`${STAMP}.${process.pid}`, STAMP);
}

function installDependencies() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  say(`installing the dependencies with ${packageManager}`);
  const status = run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false']);
  if (status !== 0) throw new Error(`[nncf] [setup] The dependencies could not be installed: ${packageManager} ended with code ${status}.`);
}

/** Changes with the contents of a folder's files. */
function folderKey(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).toSorted()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}

/** The state of tfjs-node's addon and of the operations beside it: changes when either does, and with Node. */
function nativeKey() {
  try {
    const require = createRequire(join(ROOT, 'packages', 'backend', 'package.json'));
    const folder = dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
    const { size, mtimeMs } = statSync(join(folder, 'lib', 'napi-v8', 'tfjs_binding.node'));
    statSync(join(folder, 'deps', 'lib'));
    return [process.version, size, mtimeMs, folderKey(join(ROOT, 'packages', 'libtensorflow', 'ops'))].join(' ');
  } catch {
    return undefined;
  }
}

/** Runs `@nncf/libtensorflow` from its source. */
function installNative() {
  const cli = join('packages', 'libtensorflow', 'src', 'cli.ts');
  const status = run(process.execPath, ['--import', 'tsx', '--conditions=nncf-source', cli, '--package-dir', join('packages', 'backend')]);
  if (status === 0) return true;
  const demanded = process.env.NNCF_BACKEND ?? '';
  if (demanded !== '') throw new Error(`[nncf] [setup] NNCF_BACKEND asks for ${demanded}, which does not work here (see above).`);
  say('goes on without the native library: the WebAssembly backend is used');
  return false;
}

/**
 * Does what is still to do. Call it before anything else is imported.
 *
 * @returns {SetupResult}
 * @throws {Error} Where the dependencies cannot be installed, or the backend that NNCF_BACKEND demands cannot work.
 */
export function setup() {
  const stamp = readStamp();
  const dependencies = dependenciesKey();
  const stale = stamp.dependencies !== dependencies;
  if (stale) installDependencies();
  const known = !stale && stamp.native !== undefined && stamp.native === nativeKey();
  const wanted = !WITHOUT_NATIVE.includes(process.env.NNCF_BACKEND ?? '');
  const native = known || (wanted && installNative());
  writeStamp({ dependencies, native: native ? nativeKey() : undefined });
  return { native, fresh: stale || (wanted && !known) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const { native, fresh } = setup();
    say(`${fresh ? 'done' : 'everything is in place'}${native ? ', with the native library' : ', without the native library'}`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
