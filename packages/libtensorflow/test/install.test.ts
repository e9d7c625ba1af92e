/** Every branch of the installation, on made-up machines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LibtensorflowError, type LibtensorflowErrorCode } from '../src/errors.ts';
import { GOOD, makeMachine, replaceWheel, writeTarget, writeWheel, type Machine } from './fakes.ts';

let machine: Machine;
beforeEach(async () => {
  machine = await makeMachine();
});
afterEach(() => machine.remove());

async function failure(work: Promise<unknown>): Promise<LibtensorflowError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof LibtensorflowError)) throw new Error(`No LibtensorflowError but ${String(error)}`);
  return error;
}

/** What a failed installation must leave: no addon, no temporary folder, no lock. */
async function expectNothingLeft(): Promise<void> {
  expect(existsSync(join(machine.target, 'lib'))).toBe(false);
  const left = [...(await readdir(machine.cache).catch(() => [])), ...(await readdir(machine.target))];
  expect(left.filter((name) => name.startsWith('tmp-') || name.startsWith('lock'))).toEqual([]);
}

describe('installing from the wheel', () => {
  it('downloads, extracts, compiles, places and loads', async () => {
    const report = await machine.install();
    expect(report.how).toBe('wheel');
    expect(await readFile(join(machine.target, 'deps', 'lib', 'libtensorflow_framework.so.2'), 'utf8')).toBe('framework');
    const cached = await readdir(join(machine.cache, `2.21.0-cpu-${process.platform}-${process.arch}`), { recursive: true });
    expect(cached).toContain('tensorflow/include/tensorflow/c/c_api.h');
    expect(cached).not.toContain('tensorflow/python/big.py');
    expect((await readdir(machine.cache)).filter((name) => name.startsWith('tmp-') || name === 'lock')).toEqual([]);
  });

  it('links the library and does not copy it', async () => {
    await machine.install();
    expect((await stat(join(machine.target, 'deps', 'lib', 'libtensorflow_cc.so.2'))).nlink).toBe(2);
  });

  it('does nothing the second time, not even load it', async () => {
    await machine.install();
    const before = await machine.log();
    expect((await machine.install()).how).toBe('present');
    expect(await machine.log()).toBe(before);
    expect(machine.steps.at(-1)).toBe('Loading it');
  });

  it('serves a second clone from the cache, without Python or compiler', async () => {
    await machine.install();
    await rm(join(machine.target, 'lib'), { recursive: true });
    await rm(join(machine.target, 'deps'), { recursive: true });
    await rm(machine.env['PATH']!, { recursive: true });
    expect((await machine.install()).how).toBe('wheel');
  });

  it('loads again with another Node version', async () => {
    await machine.install();
    const [record] = await readdir(join(machine.cache, 'known'));
    const path = join(machine.cache, 'known', record!);
    await writeFile(path, (await readFile(path, 'utf8')).replace(process.version, 'v1.0.0'));
    expect((await machine.install()).how).toBe('present');
    expect(await readFile(path, 'utf8')).toContain(process.version);
  });

  it('uses tfjs-node where it loads already', async () => {
    await mkdir(join(machine.target, 'lib', 'napi-v8'), { recursive: true });
    await mkdir(join(machine.target, 'deps', 'lib'), { recursive: true });
    await writeFile(join(machine.target, 'lib', 'napi-v8', 'tfjs_binding.node'), 'compiled elsewhere');
    await writeFile(join(machine.target, 'deps', 'lib', 'libtensorflow.so.2'), 'library');
    expect((await machine.install()).how).toBe('present');
    expect(await machine.log()).toBe('');
  });

  it('finds the package by its own folder', async () => {
    expect((await machine.install({ packageDir: machine.target })).packageDir).toBe(machine.target);
  });

  it('takes a pip that cannot report checksums, and checks the files', async () => {
    machine.env['FAKE_OLD_PIP'] = '1';
    expect((await machine.install()).how).toBe('wheel');
  });
});

describe('the fused training operations', () => {
  const placed = (name: string): string => join(machine.target, 'lib', 'napi-v8', name);

  it('are compiled and placed beside the addon', async () => {
    await machine.install();
    expect(await readFile(placed('nncf_ops.node'), 'utf8')).toBe('compiled\n');
  });

  it('are no condition: where they do not compile, the rest is installed', async () => {
    machine.env['FAKE_BROKEN_OPERATIONS'] = '1';
    expect((await machine.install()).how).toBe('wheel');
    expect(existsSync(placed('nncf_ops.node'))).toBe(false);
    expect(machine.steps.join()).toContain('training works without them');
    expect((await machine.install()).how).toBe('present');
  });

  it('of other sources are replaced', async () => {
    await machine.install();
    const key = await readFile(placed('nncf_ops.key'), 'utf8');
    await writeFile(placed('nncf_ops.key'), 'older');
    expect((await machine.install({ official: 'once' })).how).toBe('wheel');
    expect(await readFile(placed('nncf_ops.key'), 'utf8')).toBe(key);
    expect((await machine.log()).match(/pip download/g)).toHaveLength(1);
  });
});

describe('with CUDA', () => {
  it('takes the CUDA wheels’ libraries too, where the library looks for them', async () => {
    const target = await writeTarget(join(machine.folder, 'project'), 'tfjs-node-gpu');
    const index = machine.env['FAKE_INDEX']!;
    await writeWheel(join(index, 'tensorflow-2.21.0-cp311.whl'), GOOD);
    await writeWheel(join(index, 'nvidia_cublas_cu12-12.9-py3.whl'), {
      'nvidia/cublas/lib/libcublas.so.12': 'cublas',
      'nvidia/cublas/include/cublas.h': '//',
    });
    const install = ['tensorflow', 'nvidia-cublas-cu12', 'numpy'].map((name) => ({ metadata: { name, version: '2.21.0' } }));
    await writeFile(join(index, 'report.json'), JSON.stringify({ install }));
    expect(await machine.install({ flavour: 'gpu' })).toMatchObject({ how: 'wheel', packageDir: target });
    expect(await readFile(join(target, 'deps', 'nvidia', 'cublas', 'lib', 'libcublas.so.12'), 'utf8')).toBe('cublas');
    expect(existsSync(join(target, 'deps', 'nvidia', 'cublas', 'include'))).toBe(false);
    const log = await machine.log();
    expect(log).toContain('tensorflow[and-cuda]==2.21.0');
    expect(log).not.toContain('numpy');
    expect(log).toMatch(/-rpath,.*2\.21\.0-gpu-linux/);
  });
});

describe('what is missing is named, and nothing is left behind', () => {
  const cases: [string, LibtensorflowErrorCode, RegExp, (machine: Machine) => Promise<unknown> | void][] = [
    ['no Python', 'PYTHON_MISSING', /no python3.*\n.*python3-pip/, ({ env }) => rm(join(env['PATH']!, 'python3'))],
    ['no pip', 'PIP_MISSING', /python3 has no pip/, ({ env }) => void (env['FAKE_NO_PIP'] = '1')],
    ['no compiler', 'COMPILER_MISSING', /no C\+\+ compiler.*\n.*g\+\+/, ({ env }) => rm(join(env['PATH']!, 'g++'))],
    ['a compiler that fails', 'COMPILE_FAILED', /error: no/, ({ env }) => void (env['FAKE_BROKEN_COMPILER'] = '1')],
    ['no index', 'DOWNLOAD_FAILED', /No matching distribution/, ({ env }) => void (env['FAKE_OFFLINE'] = '1')],
    ['a full disk', 'DISK_FULL', /NNCF_CACHE/, ({ env }) => void (env['FAKE_FULL'] = '1')],
    ['a damaged download', 'CHECKSUM_MISMATCH', /SHA-256/, ({ env }) => void (env['FAKE_SUM'] = '0'.repeat(64))],
    [
      'a wheel that is no zip',
      'WHEEL_INVALID',
      /not a zip/,
      ({ env }) => writeFile(join(env['FAKE_INDEX']!, 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'), 'nothing'),
    ],
    [
      'a file that is not what the list says',
      'CHECKSUM_MISMATCH',
      /wheel's own list/,
      (made) =>
        replaceWheel(
          made,
          GOOD,
          Object.keys(GOOD)
            .map((name) => `${name},sha256=AAAA,1`)
            .join('\n'),
        ),
    ],
    [
      'a wheel without the library',
      'WHEEL_INVALID',
      /does not contain libtensorflow_cc/,
      (made) => replaceWheel(made, { 'tensorflow/x': 'y' }),
    ],
    [
      'a library that does not load',
      'LOAD_FAILED',
      /invalid ELF header/,
      (made) => replaceWheel(made, { ...GOOD, 'tensorflow/libtensorflow_cc.so.2': 'other' }),
    ],
  ];
  it.each(cases)('%s', async (_, code, message, spoil) => {
    await spoil(machine);
    const error = await failure(machine.install());
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toContain('WebAssembly');
    await expectNothingLeft();
  });

  it('no tfjs-node', async () => {
    await rm(machine.target, { recursive: true });
    const error = await failure(machine.install());
    expect(error.code).toBe('TFJS_NODE_MISSING');
    expect(error.hint).toContain('npm install --ignore-scripts @tensorflow/tfjs-node');
  });

  it('goes on from what was cached once the compiler is there', async () => {
    const compiler = join(machine.env['PATH']!, 'g++');
    await chmod(compiler, 0o644);
    expect((await failure(machine.install())).code).toBe('COMPILER_MISSING');
    await chmod(compiler, 0o755);
    await machine.install();
    expect((await machine.log()).match(/pip download/g)).toHaveLength(1);
  });
});

describe('a damaged cache', () => {
  async function spoilLibrary(text: string): Promise<void> {
    await machine.install();
    await rm(join(machine.target, 'lib'), { recursive: true });
    await rm(join(machine.target, 'deps'), { recursive: true });
    const folder = (await readdir(machine.cache)).find((name) => name.startsWith('2.21.0'));
    await writeFile(join(machine.cache, folder!, 'tensorflow', 'libtensorflow_cc.so.2'), text);
  }

  it('of another size is downloaded again', async () => {
    await spoilLibrary('short');
    await machine.install();
    expect((await machine.log()).match(/pip download/g)).toHaveLength(2);
  });

  it('of the same size is found when it does not load', async () => {
    await spoilLibrary('lybrary');
    await machine.install();
    expect((await machine.log()).match(/pip download/g)).toHaveLength(2);
  });

  it('is found by --verify while the package still works', async () => {
    await machine.install();
    await machine.install({ verify: true });
    expect((await machine.log()).match(/pip download/g)).toHaveLength(1);
    const folder = (await readdir(machine.cache)).find((name) => name.startsWith('2.21.0'));
    await writeFile(join(machine.cache, folder!, 'tensorflow', 'include', 'tensorflow', 'c', 'c_api.h'), '// spoiled');
    await machine.install({ verify: true });
    expect((await machine.log()).match(/pip download/g)).toHaveLength(2);
  });
});

/** Starts the command in a process of its own. */
function start(): ReturnType<typeof spawn> {
  const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url));
  const args = [
    '--import',
    'tsx',
    '--conditions=nncf-source',
    cli,
    '--package-dir',
    join(machine.folder, 'project'),
    '--official',
    'never',
  ];
  return spawn(process.execPath, args, {
    env: machine.env,
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

describe('processes', () => {
  it('a kill during the download leaves nothing, and the next run takes over', async () => {
    machine.env['FAKE_SLOW'] = '20';
    const child = start();
    while (!existsSync(`${machine.env['FAKE_LOG']}.downloading`)) await wait(50);
    expect(existsSync(join(machine.cache, 'lock'))).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(join(machine.target, 'lib'))).toBe(false);
    delete machine.env['FAKE_SLOW'];
    expect((await machine.install()).how).toBe('wheel');
    expect((await readdir(machine.cache)).filter((name) => name.startsWith('tmp-') || name.startsWith('lock'))).toEqual([]);
  });

  it('of two at once, one works and the other waits for it', async () => {
    machine.env['FAKE_SLOW'] = '1';
    const both = [start(), start()];
    const output = both.map((child) => {
      let text = '';
      child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
      return () => text;
    });
    const codes = await Promise.all(both.map(async (child) => (await once(child, 'exit'))[0] as number));
    expect(codes).toEqual([0, 0]);
    expect((await machine.log()).match(/pip download/g)).toHaveLength(1);
    expect(output.map((text) => text()).filter((text) => text.includes('Waiting for another installation'))).toHaveLength(1);
  });

  it('the command ends with code 1 and one clear message', async () => {
    machine.env['FAKE_NO_PIP'] = '1';
    const child = start();
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const [code] = await once(child, 'exit');
    expect(code).toBe(1);
    expect(text).toContain('python3 has no pip');
    expect(text).not.toContain('    at ');
  });
});

describe('the official installation', () => {
  /** A fake of the script and of what it needs. */
  async function writeScript(text: string): Promise<void> {
    await mkdir(join(machine.target, 'scripts'));
    await writeFile(join(machine.target, 'scripts', 'install.js'), text);
    const gyp = join(machine.target, 'node_modules', '@mapbox', 'node-pre-gyp', 'bin');
    await mkdir(gyp, { recursive: true });
    await writeFile(join(gyp, 'node-pre-gyp'), '');
  }

  const INSTALLS = `
    const fs = require('node:fs');
    fs.writeFileSync('package.json', 'half-written');
    for (const folder of ['deps/lib', 'lib/napi-v8']) fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync('deps/lib/libtensorflow.so.2', 'library');
    fs.writeFileSync('lib/napi-v8/tfjs_binding.node', 'compiled officially');
  `;

  async function withHost<T>(work: () => Promise<T>): Promise<T> {
    const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    machine.env['CDN_STORAGE'] = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
    try {
      return await work();
    } finally {
      server.close();
    }
  }

  it('is used where it works, on a copy', async () => {
    await writeScript(INSTALLS);
    const report = await withHost(() => machine.install({ official: 'once' }));
    expect(report.how).toBe('official');
    expect(await readFile(join(machine.target, 'package.json'), 'utf8')).toContain('4.22.0');
    expect(await machine.log()).toBe('');
  });

  it.each<[string, string, RegExp]>([
    ['its script fails', 'console.error("404"); process.exit(1);', /its script failed: 404/],
    [
      'what it brings does not load',
      INSTALLS.replace('compiled officially', 'for another machine'),
      /does not load: .*the addon is broken/,
    ],
  ])('gives way to the wheel where %s', async (_, text, reason) => {
    await writeScript(text);
    const report = await withHost(() => machine.install({ official: 'once' }));
    expect(report.how).toBe('wheel');
    expect(report.officialFailure).toMatch(reason);
  });

  it('is not tried again for a while after it failed, unless asked', async () => {
    await writeScript(INSTALLS);
    machine.env['CDN_STORAGE'] = 'http://127.0.0.1:9/';
    expect((await machine.install({ official: 'once' })).officialFailure).toMatch(/out of reach/);
    await rm(join(machine.target, 'lib'), { recursive: true });
    const again = await withHost(() => machine.install({ official: 'once' }));
    expect(again.officialFailure).toMatch(/out of reach \(tried earlier\)/);
    await rm(join(machine.target, 'lib'), { recursive: true });
    expect((await withHost(() => machine.install({ official: 'again' }))).how).toBe('official');
  });
});
