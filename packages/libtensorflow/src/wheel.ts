/** Taking files out of a wheel, which is a zip with a list of its files' checksums. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import type { Context } from './context.ts';
import { explainDisk, LibtensorflowError } from './errors.ts';

/** Chooses a file of a wheel by its path in it. */
export type Pick = (path: string) => boolean;

/** Size and SHA-256 (hexadecimal) of an extracted file. */
export interface ExtractedFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

function invalid(wheel: string, what: string, cause?: unknown): LibtensorflowError {
  return new LibtensorflowError({ code: 'WHEEL_INVALID', message: `${wheel} ${what}.`, hint: 'Run this again.', cause });
}

function open(wheel: string): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.open(wheel, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error === null) resolve(zip);
      else reject(invalid(wheel, 'is not a zip archive', error));
    });
  });
}

function entries(zip: yauzl.ZipFile): Promise<yauzl.Entry[]> {
  return new Promise((resolve, reject) => {
    const found: yauzl.Entry[] = [];
    zip.on('entry', (entry: yauzl.Entry) => {
      found.push(entry);
      zip.readEntry();
    });
    zip.on('end', () => resolve(found));
    zip.on('error', reject);
    zip.readEntry();
  });
}

function stream(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, readable) => {
      if (error === null) resolve(readable);
      else reject(error);
    });
  });
}

/** The wheel's own list: path → SHA-256 in the URL form of base 64. */
async function readRecord(wheel: string, zip: yauzl.ZipFile, all: readonly yauzl.Entry[]): Promise<Map<string, string>> {
  const entry = all.find(({ fileName }) => /^[^/]+\.dist-info\/RECORD$/.test(fileName));
  if (entry === undefined) throw invalid(wheel, 'has no list of its files');
  const text = (await buffer(await stream(zip, entry))).toString('utf8');
  const lines = text.split('\n').map((line) => /^(.*),sha256=([\w-]+)=*,\d*\s*$/.exec(line));
  return new Map(
    lines.flatMap((match) => (match?.[1] !== undefined && match[2] !== undefined ? [[match[1].replaceAll('"', ''), match[2]]] : [])),
  );
}

async function extractOne(zip: yauzl.ZipFile, entry: yauzl.Entry, to: string, onBytes: (count: number) => void): Promise<Buffer> {
  await mkdir(dirname(to), { recursive: true });
  const hash = createHash('sha256');
  const source = await stream(zip, entry);
  source.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    onBytes(chunk.length);
  });
  await pipeline(source, createWriteStream(to));
  return hash.digest();
}

/**
 * Extracts the chosen files into `folder`, each checked against the wheel's list.
 *
 * @throws LibtensorflowError `WHEEL_INVALID`, `CHECKSUM_MISMATCH`, `DISK_FULL`
 */
export async function extract(context: Context, wheel: string, folder: string, pick: Pick): Promise<ExtractedFile[]> {
  const zip = await open(wheel);
  try {
    const all = await entries(zip);
    const record = await readRecord(wheel, zip, all);
    const chosen = all.filter(({ fileName }) => !fileName.endsWith('/') && pick(fileName));
    const total = chosen.reduce((sum, entry) => sum + entry.uncompressedSize, 0);
    let done = 0;
    const files: ExtractedFile[] = [];
    for (const entry of chosen) {
      const digest = await extractOne(zip, entry, join(folder, entry.fileName), (count) => {
        done += count;
        context.report.progress('Extracting the library', done / 1e6, total / 1e6);
      });
      if (digest.toString('base64url') !== record.get(entry.fileName)) throw mismatch(entry.fileName);
      files.push({ path: entry.fileName, size: entry.uncompressedSize, sha256: digest.toString('hex') });
    }
    return files;
  } catch (error) {
    throw explainDisk(error, folder);
  } finally {
    context.report.settle();
    zip.close();
  }
}

function mismatch(path: string): LibtensorflowError {
  return new LibtensorflowError({
    code: 'CHECKSUM_MISMATCH',
    message: `${path} in the wheel is not what the wheel's own list states.`,
    hint: 'Run this again.',
  });
}
