import { readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { datasetMissing } from '../errors.ts';
import { readTar } from '../tar.ts';

/** A file of text, and how it is called in reports. */
export interface TextFile {
  readonly name: string;
  /** Without a byte-order mark. */
  readonly text: string;
}

/**
 * Reads the first of some files that there is.
 * @param source a folder, or a tar file
 * @param paths within the folder; within an archive a path may stand in any folder
 * @throws NncfError `DATASET_MISSING` when there is none, `CORRUPT_FILE` for a damaged archive or text that is not UTF-8
 */
export async function readTextFile(source: string, paths: readonly string[]): Promise<TextFile> {
  const info = await stat(source).catch((cause: unknown) => {
    throw datasetMissing(source, 'Give the folder of the texts, or a tar file of it.', cause);
  });
  const read = info.isFile() && extname(source) === '.tar' ? await archive(source, paths) : folder(source);
  for (const path of paths) {
    const file = await read(path);
    if (file !== undefined) return { name: file.name, text: decode(file.bytes) };
  }
  throw datasetMissing(`${paths.join(' or ')} in ${source}`, 'Give the folder of the texts, or a tar file of it.');
}

interface RawFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

type Read = (path: string) => Promise<RawFile | undefined>;

async function archive(file: string, paths: readonly string[]): Promise<Read> {
  const isWanted = (entry: string, path: string): boolean => entry === path || entry.endsWith(`/${path}`);
  const entries = await readTar(file, { filter: (entry) => paths.some((path) => isWanted(entry, path)) });
  return (path) => {
    const found = [...entries].find(([entry]) => isWanted(entry, path));
    return Promise.resolve(found && { name: `${file}:${found[0]}`, bytes: found[1] });
  };
}

function folder(root: string): Read {
  return async (path) => {
    const name = join(root, path);
    const bytes = await readFile(name).catch(() => undefined);
    return bytes && { name, bytes };
  };
}

function decode(bytes: Uint8Array): string {
  // The decoder takes a byte-order mark off.
  return new TextDecoder().decode(bytes);
}
