import { list, type ReadEntry } from 'tar';
import { corruptFile, datasetMissing } from './errors.ts';

/** Which files of an archive to read. */
export interface TarOptions {
  /** Names to keep. @default all */
  readonly filter?: (name: string) => boolean;
}

/**
 * Files of a tar archive, plain or gzip, by their path in the archive, in the archive's order; folders and links are
 * left out.
 * @throws NncfError `DATASET_MISSING` when the archive is not there, `CORRUPT_FILE` when it is damaged.
 */
export async function readTar(file: string, options: TarOptions = {}): Promise<Map<string, Uint8Array>> {
  const { filter = () => true } = options;
  const files = new Map<string, Uint8Array>();
  const readings: Promise<void>[] = [];
  const read = (entry: ReadEntry): void => {
    if (entry.type === 'File') readings.push(entry.concat().then((bytes) => void files.set(entry.path, bytes)));
    else entry.resume();
  };
  try {
    await list({ file, strict: true, filter, onReadEntry: read });
    await Promise.all(readings);
  } catch (cause) {
    if (isMissing(cause)) throw datasetMissing(file, 'Pass the path of the archive.', cause);
    throw corruptFile(file, 'the archive cannot be read', cause);
  }
  return files;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
