// Makes virtual environments, once each: `.venv` with the packages of requirements.txt (onnx the checker, OpenVINO, ONNX Runtime, numpy), and
// `.venv-parity` with those of requirements-parity.txt (NNCF for PyTorch). `node scripts/python-env.mjs [parity]` prints the interpreter's path.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Environments by name. @type {Record<string, Environment>} */
const ENVIRONMENTS = {
  peers: describe('.venv', 'requirements.txt', 'NNCF_PYTHON', { size: 'about 400 MB', minutes: 15 }),
  parity: describe('.venv-parity', 'requirements-parity.txt', 'NNCF_PARITY_PYTHON', {
    size: 'about 7 GB: PyTorch brings CUDA',
    minutes: 60,
  }),
};

/** @typedef {ReturnType<typeof describe>} Environment */
function describe(name, file, variable, { size, minutes }) {
  const folder = join(root, name);
  return {
    name,
    folder,
    variable,
    size,
    // Longer than this nobody makes it: the lock is a leftover.
    minutes,
    requirements: join(root, 'scripts', file),
    lock: `${folder}.lock`,
    stamp: join(folder, 'requirements.sha256'),
    interpreter: process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python'),
  };
}

/** See python-env.d.mts. */
export function pythonEnv({ log = () => undefined, environment = 'peers' } = {}) {
  if (!Object.hasOwn(ENVIRONMENTS, environment)) throw unknown(environment);
  const env = ENVIRONMENTS[environment];
  const given = process.env[env.variable];
  if (given !== undefined && given !== '') return given;
  if (!isCurrent(env)) withLock(env, () => isCurrent(env) || install(env, log));
  return env.interpreter;
}

// The stamp is written last, so an environment whose making was interrupted is made again.
function isCurrent({ stamp, interpreter, requirements }) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest(requirements) && existsSync(interpreter);
}

function digest(requirements) {
  return createHash('sha256').update(readFileSync(requirements)).digest('hex');
}

function install(env, log) {
  log(`Making a Python environment in ${env.name} (${env.size}, once)`);
  rmSync(env.folder, { recursive: true, force: true });
  const pip = makeVenv(env);
  run(env, pip[0], [...pip.slice(1), 'install', '--quiet', '--disable-pip-version-check', '-r', env.requirements]);
  writeFileSync(env.stamp, digest(env.requirements));
  log(`Python environment ready: ${env.interpreter}`);
}

// Debian's python3 may come without ensurepip; the pip beside it can fill an environment too.
function makeVenv(env) {
  const { folder, interpreter } = env;
  const python = process.platform === 'win32' ? 'python' : 'python3';
  if (spawnSync(python, ['-m', 'venv', folder], { stdio: 'ignore' }).status === 0) return [interpreter, '-m', 'pip'];
  rmSync(folder, { recursive: true, force: true });
  run(env, python, ['-m', 'venv', '--without-pip', folder]);
  return [python, '-m', 'pip', '--python', interpreter];
}

function run(env, command, args) {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw missing(env, command, error);
  if (status !== 0) throw failed(env, command, args, stderr);
}

function unknown(environment) {
  return new Error(`[nncf] There is no Python environment "${environment}"; there are ${Object.keys(ENVIRONMENTS).join(', ')}.`);
}

function missing(env, command, cause) {
  return new Error(
    `[nncf] ${command} was not found: ${cause.message}.\n  Install Python 3.10 or later with venv and pip, or set ${env.variable} to an interpreter that has the packages of scripts/${basename(env.requirements)}.`,
    { cause },
  );
}

function failed(env, command, args, stderr) {
  return new Error(
    `[nncf] \`${[command, ...args].join(' ')}\` failed:\n${stderr.trim()}\n  Without a network, set ${env.variable} to an interpreter that has the packages of scripts/${basename(env.requirements)}.`,
  );
}

// Several test workers may ask at once: one makes it, the others wait.
function withLock({ lock, minutes }, action) {
  while (!takeLock(lock, minutes)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  try {
    action();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function takeLock(lock, minutes) {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    dropStaleLock(lock, minutes);
    return false;
  }
}

function dropStaleLock(lock, minutes) {
  const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > minutes * 60_000) rmSync(lock, { recursive: true, force: true });
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  console.log(pythonEnv({ log: (line) => console.error(line), environment: process.argv[2] ?? 'peers' }));
