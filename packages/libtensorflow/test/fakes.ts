/** A machine made of files: a fake tfjs-node, a fake Python with a package index, a fake compiler. Nothing reaches the network. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { install, type InstallOptions, type InstallReport } from '../src/install.ts';

const CC = 'tensorflow/libtensorflow_cc.so.2';
const FRAMEWORK = 'tensorflow/libtensorflow_framework.so.2';

/** A wheel's files, with its list of checksums unless one is given. */
export async function writeWheel(path: string, files: Record<string, string>, record?: string): Promise<void> {
  const digest = (text: string): string => createHash('sha256').update(text).digest('base64url');
  const lines = Object.entries(files).map(([name, text]) => `${name},sha256=${digest(text)},${text.length}`);
  const zip = new ZipFile();
  const all = {
    ...files,
    'tensorflow_cpu-2.21.0.dist-info/RECORD': record ?? `${lines.join('\n')}\ntensorflow_cpu-2.21.0.dist-info/RECORD,,\n`,
  };
  for (const [name, text] of Object.entries(all)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  await mkdir(dirname(path), { recursive: true });
  await pipeline(zip.outputStream, createWriteStream(path));
}

/** What the fake library must hold for the fake tfjs-node to load. */
export const GOOD: Readonly<Record<string, string>> = {
  [CC]: 'library',
  [FRAMEWORK]: 'framework',
  'tensorflow/include/tensorflow/c/c_api.h': '// header',
  'tensorflow/python/big.py': '#',
};

/** Loads where the addon was compiled against this package's library. */
const FAKE_TFJS_NODE = `
const fs = require('node:fs'), path = require('node:path');
const folder = path.join(__dirname, '..');
const read = (...parts) => fs.readFileSync(path.join(folder, ...parts), 'utf8');
if (!read('lib', 'napi-v8', 'tfjs_binding.node').startsWith('compiled')) throw new Error('the addon is broken');
const ours = fs.existsSync(path.join(folder, 'deps/lib/libtensorflow_cc.so.2'));
if (read('deps', 'lib', ours ? 'libtensorflow_cc.so.2' : 'libtensorflow.so.2') !== 'library') throw new Error('libtensorflow_cc.so.2: invalid ELF header');
exports.tensor1d = (values) => ({ sum: () => ({ dataSync: () => [values.reduce((sum, value) => sum + value, 0)] }) });
`;

/** Answers \`--version\`, \`-m pip --version\`, \`pip install --report\`, \`pip download\` from a folder with one wheel. */
const FAKE_PYTHON = `#!/bin/sh
echo "$@" >> "$FAKE_LOG"
case "$*" in
  --version) echo "Python 3.11.0";;
  "-m pip --version") [ -z "$FAKE_NO_PIP" ] && echo "pip 23.2" || { echo "No module named pip" >&2; exit 1; };;
  *"pip install"*)
    [ -n "$FAKE_OLD_PIP" ] && { echo "no such option: --report" >&2; exit 2; }
    [ -n "$FAKE_OFFLINE" ] && { echo "ERROR: No matching distribution found" >&2; exit 1; }
    [ -f "$FAKE_INDEX/report.json" ] && exec cat "$FAKE_INDEX/report.json"
    sum=\${FAKE_SUM:-$(sha256sum "$FAKE_INDEX"/*.whl | cut -d' ' -f1)}
    echo '{"install":[{"metadata":{"name":"tensorflow_cpu","version":"2.21.0"},"download_info":{"archive_info":{"hashes":{"sha256":"'$sum'"}}}}]}';;
  *"pip download"*)
    [ -n "$FAKE_FULL" ] && { echo "OSError: [Errno 28] No space left on device" >&2; exit 1; }
    while [ "$1" != --dest ]; do shift; done
    echo "Downloading x.whl (1.0 MB)"
    [ -n "$FAKE_SLOW" ] && { touch "$FAKE_LOG.downloading"; sleep "$FAKE_SLOW"; }
    dest=$2
    for name in "$@"; do :; done
    cp "$FAKE_INDEX/$(echo "\${name%%==*}" | tr - _)"-*.whl "$dest";;
esac
`;

const FAKE_COMPILER = `#!/bin/sh
echo "g++ $*" >> "$FAKE_LOG"
[ "$1" = --version ] && exit 0
[ -n "$FAKE_BROKEN_COMPILER" ] && { echo "tfjs_backend.cc:1: error: no" >&2; exit 1; }
case "$*" in *fake_quantize.cc*) [ -n "$FAKE_BROKEN_OPERATIONS" ] && { echo "fake_quantize.cc:1: error: no" >&2; exit 1; };; esac
while [ "$1" != -o ]; do shift; done
echo compiled > "$2"
`;

/** A made-up machine. */
export interface Machine {
  readonly folder: string;
  /** Folder of the fake tfjs-node. */
  readonly target: string;
  readonly cache: string;
  readonly env: Record<string, string>;
  readonly steps: string[];
  /** Installs, without tfjs-node's own installation unless told. */
  install(options?: InstallOptions): Promise<InstallReport>;
  /** Commands that were run, one a line. */
  log(): Promise<string>;
  remove(): Promise<void>;
}

async function script(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** The folder of commands: the fakes and the few real ones they use, so that no real Python or compiler is found. */
async function writeCommands(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await script(join(folder, 'python3'), FAKE_PYTHON);
  await script(join(folder, 'g++'), FAKE_COMPILER);
  for (const name of ['cat', 'cp', 'cut', 'tr', 'sha256sum', 'sleep', 'touch'])
    await script(join(folder, name), `#!/bin/sh\nPATH=/usr/bin:/bin exec ${name} "$@"\n`);
  return folder;
}

/** Puts a fake tfjs-node into a project. */
export async function writeTarget(project: string, name: 'tfjs-node' | 'tfjs-node-gpu' = 'tfjs-node'): Promise<string> {
  const target = join(project, 'node_modules', '@tensorflow', name);
  await mkdir(join(target, 'dist'), { recursive: true });
  await mkdir(join(target, 'binding'));
  await writeFile(join(project, 'package.json'), '{"name":"user","version":"1.0.0"}');
  await writeFile(join(target, 'package.json'), JSON.stringify({ name: `@tensorflow/${name}`, version: '4.22.0' }));
  await writeFile(join(target, 'dist', 'index.js'), FAKE_TFJS_NODE);
  for (const name of ['tfjs_backend.cc', 'tfjs_binding.cc']) await writeFile(join(target, 'binding', name), '// source');
  return target;
}

/** Makes a machine with everything in order. */
export async function makeMachine(): Promise<Machine> {
  const folder = await mkdtemp(join(tmpdir(), 'libtensorflow-'));
  const target = await writeTarget(join(folder, 'project'));
  const index = join(folder, 'index');
  await writeWheel(join(index, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'), GOOD);
  const commands = await writeCommands(join(folder, 'bin'));
  const steps: string[] = [];
  const env: Record<string, string> = {
    PATH: [commands].join(delimiter),
    NNCF_CACHE: join(folder, 'cache'),
    FAKE_INDEX: index,
    FAKE_LOG: join(folder, 'log'),
  };
  const report = { step: (text: string) => void steps.push(text), progress: () => {}, settle: () => {} };
  return {
    folder,
    target,
    cache: join(folder, 'cache', 'libtensorflow'),
    env,
    steps,
    install: (options) => install({ packageDir: join(folder, 'project'), official: 'never', env, report, ...options }),
    log: () => readFile(join(folder, 'log'), 'utf8').catch(() => ''),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Replaces the wheel on the machine's index. */
export async function replaceWheel(machine: Machine, files: Record<string, string>, record?: string): Promise<void> {
  const [name = 'x.whl'] = await readdir(machine.env['FAKE_INDEX'] ?? '');
  await writeWheel(join(machine.env['FAKE_INDEX'] ?? '', name), files, record);
}
