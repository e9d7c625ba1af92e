/** What the two compilations share. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NAPI_VERSION, type Context } from './context.ts';
import { lastLines, LibtensorflowError } from './errors.ts';
import { exists, makeTemporary } from './files.ts';
import { LIBRARIES, type Library } from './library.ts';
import { run } from './run.ts';

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

/** Names what is built from a folder of sources, by their contents. */
export async function sourceKey(folder: string, more: string): Promise<string> {
  const hash = createHash('sha256').update(more);
  for (const name of (await readdir(folder)).toSorted()) hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex').slice(0, 12);
}

/** A shared library to be built against TensorFlow's. */
export interface Build {
  /** What it is, for messages. */
  readonly label: string;
  readonly sources: readonly string[];
  readonly includes: readonly string[];
  readonly flags: readonly string[];
  /** Where it goes; nothing is there until it is whole. */
  readonly output: string;
}

function argumentsOf(context: Context, library: Library, build: Build, output: string): string[] {
  // Beside the package's own folder, a CUDA library looks for its kin from where the cache keeps it.
  const paths = ['$ORIGIN/../../deps/lib', ...(context.flavour === 'gpu' ? [library.libraries] : [])];
  return [
    '-std=c++17',
    '-shared',
    '-fPIC',
    `-DNAPI_VERSION=${NAPI_VERSION}`,
    ...build.flags,
    ...build.sources,
    ...[...build.includes, library.include, nodeHeaders()].map((folder) => `-I${folder}`),
    `-L${library.libraries}`,
    ...LIBRARIES.map((name) => `-l:${name}`),
    ...paths.map((path) => `-Wl,-rpath,${path}`),
    '-o',
    output,
  ];
}

/**
 * Compiles, in a folder of its own, and moves the result into place.
 *
 * @throws LibtensorflowError `COMPILER_MISSING`, `COMPILE_FAILED`
 */
export async function compile(context: Context, library: Library, build: Build): Promise<void> {
  const compiler = await findCompiler(context);
  context.report.step(`Compiling ${build.label}`);
  const temporary = await makeTemporary(context.cache);
  try {
    const output = join(temporary, 'output.node');
    const { code, stderr } = await run(compiler, argumentsOf(context, library, build, output), { env: context.env });
    if (code !== 0 || !(await exists(output))) throw compileFailed(compiler, build.label, stderr);
    await mkdir(dirname(build.output), { recursive: true });
    await rename(output, build.output);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function compileFailed(compiler: string, label: string, output: string): LibtensorflowError {
  return new LibtensorflowError({
    code: 'COMPILE_FAILED',
    message: `${compiler} could not compile ${label}:\n  ${lastLines(output)}`,
    hint: 'A compiler with C++17 is needed (GCC 9 or later).',
  });
}
