/** Compiling tfjs-node's addon against the library, into the cache. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buildName, NAPI_VERSION, type Context } from './context.ts';
import { lastLines, LibtensorflowError } from './errors.ts';
import { exists, makeTemporary } from './files.ts';
import { LIBRARIES, type Library } from './library.ts';
import { run } from './run.ts';
import type { Target } from './target.ts';

const SOURCES = ['tfjs_backend.cc', 'tfjs_binding.cc'];

/** The compilers that are tried, after the one that CXX names. */
const COMPILERS = ['g++', 'c++', 'clang++'];

async function findCompiler({ env }: Context): Promise<string> {
  for (const name of [env['CXX'] ?? '', ...COMPILERS]) {
    if (name !== '' && (await run(name, ['--version'], { env })).code === 0) return name;
  }
  throw new LibtensorflowError({
    code: 'COMPILER_MISSING',
    message: 'There is no C++ compiler, which is needed to build the addon of tfjs-node.',
    hint: 'Install one (Debian and Ubuntu: apt-get install g++), then run this again.',
  });
}

/** Folder of Node-API's headers, which an npm package brings. */
function nodeHeaders(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include');
}

function flags(context: Context, target: Target, library: Library, output: string): string[] {
  // Beside the package's own folder, a CUDA library looks for its kin from where the cache keeps it.
  const paths = ['$ORIGIN/../../deps/lib', ...(context.flavour === 'gpu' ? [library.libraries] : [])];
  return [
    '-O2',
    '-std=c++17',
    '-shared',
    '-fPIC',
    `-DNAPI_VERSION=${NAPI_VERSION}`,
    ...SOURCES.map((name) => join(target.folder, 'binding', name)),
    ...[target.folder, dirname(target.folder), library.include, nodeHeaders()].map((folder) => `-I${folder}`),
    `-L${library.libraries}`,
    ...LIBRARIES.map((name) => `-l:${name}`),
    ...paths.map((path) => `-Wl,-rpath,${path}`),
    '-o',
    output,
  ];
}

/** Names the build by all that goes into it. */
async function buildKey(context: Context, target: Target): Promise<string> {
  const hash = createHash('sha256').update(`${target.name} ${target.version} ${NAPI_VERSION}`);
  const folder = join(target.folder, 'binding');
  for (const name of (await readdir(folder)).toSorted()) hash.update(name).update(await readFile(join(folder, name)));
  return `addon-${buildName(context)}-${hash.digest('hex').slice(0, 12)}`;
}

/**
 * Gives the compiled addon from the cache, or compiles it there.
 *
 * @returns Path of `tfjs_binding.node`.
 * @throws LibtensorflowError `COMPILER_MISSING`, `COMPILE_FAILED`
 */
export async function ensureAddon(context: Context, target: Target, library: Library): Promise<string> {
  const folder = join(context.cache, await buildKey(context, target));
  const addon = join(folder, 'tfjs_binding.node');
  if (library.cached && (await exists(addon))) return addon;
  const compiler = await findCompiler(context);
  context.report.step(`Compiling the addon of ${target.name} ${target.version}`);
  const temporary = await makeTemporary(context.cache);
  try {
    const output = join(temporary, 'tfjs_binding.node');
    const { code, stderr } = await run(compiler, flags(context, target, library, output), { env: context.env });
    if (code !== 0 || !(await exists(output))) throw compileFailed(compiler, stderr);
    await mkdir(folder, { recursive: true });
    await rename(output, addon);
    return addon;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function compileFailed(compiler: string, output: string): LibtensorflowError {
  return new LibtensorflowError({
    code: 'COMPILE_FAILED',
    message: `${compiler} could not compile the addon:\n  ${lastLines(output)}`,
    hint: 'A compiler with C++17 is needed (GCC 9 or later).',
  });
}
