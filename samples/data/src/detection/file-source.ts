import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { datasetMissing } from '../errors.ts';
import { readTar } from '../tar.ts';

/** Files of a folder or of a tar archive, by paths with slashes. */
export interface FileSource {
  has(path: string): Promise<boolean>;
  /** @throws NncfError `DATASET_MISSING` */
  read(path: string): Promise<Uint8Array>;
  /** What stands in front of a path that is expected at the top or one folder below; undefined when it is in neither. */
  prefixOf(path: string): Promise<string | undefined>;
  /** The path for reports. */
  nameOf(path: string): string;
}

/**
 * Opens a folder, or a tar archive, plain or gzip.
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function openSource(path: string): Promise<FileSource> {
  const info = await stat(path).catch((cause: unknown) => {
    throw datasetMissing(path, 'Pass the path of the data: a folder, or a tar archive of it.', cause);
  });
  return info.isDirectory() ? folderSource(path) : tarSource(path, await readTar(path));
}

function folderSource(root: string): FileSource {
  const has = (path: string): Promise<boolean> => isThere(join(root, path));
  return {
    has,
    read: (path) =>
      readFile(join(root, path)).catch((cause: unknown) => {
        throw missing(join(root, path), cause);
      }),
    prefixOf: async (path) => {
      if (await has(path)) return '';
      const folders = (await readdir(root, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      for (const { name } of folders) if (await has(`${name}/${path}`)) return `${name}/`;
      return undefined;
    },
    nameOf: (path) => join(root, path),
  };
}

function tarSource(archive: string, files: Map<string, Uint8Array>): FileSource {
  return {
    has: (path) => Promise.resolve(files.has(path)),
    read: (path) => {
      const bytes = files.get(path);
      return bytes === undefined ? Promise.reject(missing(`${archive}:${path}`)) : Promise.resolve(bytes);
    },
    prefixOf: (path) => {
      const found = [...files.keys()].find((name) => name === path || name.endsWith(`/${path}`));
      return Promise.resolve(found?.slice(0, found.length - path.length));
    },
    nameOf: (path) => `${archive}:${path}`,
  };
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function missing(path: string, cause?: unknown): Error {
  return datasetMissing(path, 'The list of pictures names it: copy the data again.', cause);
}
