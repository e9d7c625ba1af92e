// Makes `.venv` with the packages of requirements.txt, once: onnx (the checker), OpenVINO, ONNX Runtime, numpy.
// `node scripts/python-env.mjs` prints the interpreter's path.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const requirements = join(root, 'scripts', 'requirements.txt');
const folder = join(root, '.venv');
const lock = join(root, '.venv.lock');
const stamp = join(folder, 'requirements.sha256');
const interpreter = process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin', 'python');

/** See python-env.d.mts. */
export function pythonEnv({ log = () => undefined } = {}) {
  const given = process.env.NNCF_PYTHON;
  if (given !== undefined && given !== '') return given;
  if (!isCurrent()) withLock(() => isCurrent() || install(log));
  return interpreter;
}

// The stamp is written last, so an environment whose making was interrupted is made again.
function isCurrent() {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest() && existsSync(interpreter);
}

function digest() {
  return createHash('sha256').update(readFileSync(requirements)).digest('hex');
}

function install(log) {
  log('Making a Python environment in .venv (about 400 MB, once)');
  rmSync(folder, { recursive: true, force: true });
  const pip = makeVenv();
  run(pip[0], [...pip.slice(1), 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  writeFileSync(stamp, digest());
  log(`Python environment ready: ${interpreter}`);
}

// Debian's python3 may come without ensurepip; the pip beside it can fill an environment too.
function makeVenv() {
  const python = process.platform === 'win32' ? 'python' : 'python3';
  if (spawnSync(python, ['-m', 'venv', folder], { stdio: 'ignore' }).status === 0) return [interpreter, '-m', 'pip'];
  rmSync(folder, { recursive: true, force: true });
  run(python, ['-m', 'venv', '--without-pip', folder]);
  return [python, '-m', 'pip', '--python', interpreter];
}

function run(command, args) {
  const { error, status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw missing(command, error);
  if (status !== 0) throw failed(command, args, stderr);
}

function missing(command, cause) {
  return new Error(
    `[nncf] ${command} was not found: ${cause.message}.\n  Install Python 3.10 or later with venv and pip, or set NNCF_PYTHON to an interpreter that has the packages of scripts/requirements.txt.`,
    { cause },
  );
}

function failed(command, args, stderr) {
  return new Error(
    `[nncf] \`${[command, ...args].join(' ')}\` failed:\n${stderr.trim()}\n  Without a network, set NNCF_PYTHON to an interpreter that has the packages of scripts/requirements.txt.`,
  );
}

// Several test workers may ask at once: one makes it, the others wait.
function withLock(action) {
  while (!takeLock()) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  try {
    action();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function takeLock() {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    dropStaleLock();
    return false;
  }
}

function dropStaleLock() {
  const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
  if (age > 15 * 60_000) rmSync(lock, { recursive: true, force: true });
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  console.log(pythonEnv({ log: (line) => console.error(line) }));
