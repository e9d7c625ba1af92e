/** The TensorFlow library and its headers in the cache. */
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildName, type Context } from './context.ts';
import { diskFull, explainDisk, LibtensorflowError } from './errors.ts';
import { freeBytes, makeTemporary, replaceFolder, sha256 } from './files.ts';
import { downloadWheel, findPython, resolveWheels, type WheelSource } from './python.ts';
import { extract, type ExtractedFile } from './wheel.ts';

/** The library's files, as the wheel has them below `tensorflow/`. */
export const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'] as const;

const HEADERS =
  /^tensorflow\/include\/(tensorflow\/(c\/|core\/platform\/ctstring|core\/common_runtime\/next_pluggable_device\/c\/)|xla\/tsl\/|tsl\/)/;

/** Raised when other files of the wheel are wanted. */
const LAYOUT = 2;
const CUDA_LIBRARIES = /^nvidia\/[^/]+\/lib\/[^/]+\.so[.\d]*$/;

/** Bytes that a download, its extraction and the addon take. */
const ROOM = { cpu: 1.2e9, gpu: 8e9 };

/** A library in the cache. */
export interface Library {
  /** Folder with the two libraries. */
  readonly libraries: string;
  readonly include: string;
  /** Folder with CUDA's libraries, for the gpu flavour. */
  readonly cuda: string | undefined;
  /** True where it was in the cache already. */
  readonly cached: boolean;
}

interface Manifest {
  readonly layout: number;
  readonly wheels: readonly WheelSource[];
  readonly files: readonly ExtractedFile[];
}

function wanted(path: string): boolean {
  return LIBRARIES.some((name) => path === `tensorflow/${name}`) || HEADERS.test(path) || CUDA_LIBRARIES.test(path);
}

function described(folder: string, flavour: Context['flavour'], cached: boolean): Library {
  return {
    libraries: join(folder, 'tensorflow'),
    include: join(folder, 'tensorflow', 'include'),
    cuda: flavour === 'gpu' ? join(folder, 'nvidia') : undefined,
    cached,
  };
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const parsed: unknown = JSON.parse(await readFile(join(folder, 'manifest.json'), 'utf8'));
    return typeof parsed === 'object' && parsed !== null && 'files' in parsed && Array.isArray(parsed.files)
      ? (parsed as Manifest)
      : undefined;
  } catch {
    return undefined;
  }
}

/** True where every file has its size, and with `thorough` also its checksum. */
async function isIntact(folder: string, manifest: Manifest, thorough: boolean): Promise<boolean> {
  if (manifest.layout !== LAYOUT) return false;
  for (const file of manifest.files) {
    const path = join(folder, file.path);
    const found = await stat(path).catch(() => undefined);
    if (found?.size !== file.size) return false;
    if (thorough && (await sha256(path)) !== file.sha256) return false;
  }
  return manifest.files.length > 0;
}

function requirement({ flavour, tensorflow, arch }: Context): string {
  if (flavour === 'gpu') return `tensorflow[and-cuda]==${tensorflow}`;
  return `${arch === 'x64' ? 'tensorflow-cpu' : 'tensorflow'}==${tensorflow}`;
}

/** Linux with glibc on x64 or arm64 is what the wheels are for. */
function checkPlatform({ platform, arch }: Context): void {
  if (platform === 'linux' && ['x64', 'arm64'].includes(arch)) return;
  throw new LibtensorflowError({
    code: 'PLATFORM_UNSUPPORTED',
    message: `The way through the Python wheel serves Linux on x64 and arm64, not ${platform} on ${arch}.`,
    hint: 'Use the official installation of tfjs-node there: npm rebuild @tensorflow/tfjs-node.',
  });
}

/**
 * Gives the library from the cache, or downloads it there.
 *
 * @param thorough Check the cached files' checksums, not only their sizes.
 */
export async function ensureLibrary(context: Context, thorough: boolean): Promise<Library> {
  const folder = join(context.cache, buildName(context));
  const manifest = await readManifest(folder);
  if (manifest !== undefined && (await isIntact(folder, manifest, thorough))) return described(folder, context.flavour, true);
  if (manifest !== undefined) context.report.step('The cached library is damaged or of an older make: it is downloaded again');
  await rm(folder, { recursive: true, force: true });
  await fetchLibrary(context, folder);
  return described(folder, context.flavour, false);
}

async function fetchLibrary(context: Context, folder: string): Promise<void> {
  checkPlatform(context);
  const python = await findPython(context);
  await mkdir(context.cache, { recursive: true });
  if ((await freeBytes(context.cache)) < ROOM[context.flavour])
    throw diskFull(context.cache, `${(ROOM[context.flavour] / 1e9).toFixed(1)} GB`);
  const temporary = await makeTemporary(context.cache);
  try {
    const manifest = await fillFolder(context, python, temporary);
    await writeFile(join(temporary, 'manifest.json'), JSON.stringify(manifest, undefined, 1));
    await replaceFolder(temporary, folder);
  } catch (error) {
    throw explainDisk(error, context.cache);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function fillFolder(context: Context, python: string, folder: string): Promise<Manifest> {
  context.report.step(`Asking the package index for ${requirement(context)}`);
  const resolved = await resolveWheels(context, python, requirement(context), context.flavour === 'gpu');
  const wheels = resolved.filter((wheel) => /^(tensorflow(-cpu|_cpu)?|nvidia-.*)==/.test(wheel.requirement) || resolved.length === 1);
  const files: ExtractedFile[] = [];
  for (const wheel of wheels) {
    const downloads = join(folder, 'download');
    await mkdir(downloads, { recursive: true });
    const path = await downloadWheel(context, python, wheel, downloads);
    files.push(...(await extract(context, path, folder, wanted)));
    await rm(downloads, { recursive: true, force: true });
  }
  requireLibraries(files);
  return { layout: LAYOUT, wheels, files };
}

function requireLibraries(files: readonly ExtractedFile[]): void {
  const missing = LIBRARIES.filter((name) => !files.some(({ path }) => path === `tensorflow/${name}`));
  if (missing.length === 0) return;
  throw new LibtensorflowError({
    code: 'WHEEL_INVALID',
    message: `The wheel does not contain ${missing.join(' and ')}.`,
    hint: 'Name another TensorFlow release with --tensorflow, 2.16 or later.',
  });
}
