import { NncfError } from '../errors.ts';

/**
 * Writes a file whole or not at all: into a neighbour first, then renamed over the old one.
 *
 * @throws NncfError `FILE_UNWRITABLE` that names the file
 */
export async function writeFileAtomic(file: string, contents: Uint8Array | string): Promise<void> {
  const fs = await import('node:fs/promises');
  const path = await import('node:path');
  const partial = `${file}.${process.pid}.partial`;
  try {
    await makeFolder(path.dirname(file));
    await fs.writeFile(partial, contents);
    await fs.rename(partial, file);
  } catch (cause) {
    await fs.rm(partial, { force: true }).catch(() => undefined);
    throw fileError(
      'FILE_UNWRITABLE',
      `${file} cannot be written: ${reason(cause)}`,
      'Nothing was changed. Check the folder, its rights and the space on the disk.',
      cause,
    );
  }
}

/** Makes a folder and those above it. Node's own recursive mkdir never ends where a file system refuses folders, as /proc does. */
async function makeFolder(folder: string): Promise<void> {
  const fs = await import('node:fs/promises');
  const path = await import('node:path');
  const make = (): Promise<string | undefined> => fs.mkdir(folder).then(() => undefined, codeOf);
  const code = await make();
  if (code === undefined || code === 'EEXIST') return;
  if (code === 'ENOENT' && path.dirname(folder) !== folder) await makeFolder(path.dirname(folder));
  await fs.mkdir(folder);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'UNKNOWN';
}

/** Reads a file. @throws NncfError `FILE_UNREADABLE` that names the file */
export async function readFileBytes(file: string): Promise<Uint8Array> {
  const fs = await import('node:fs/promises');
  try {
    return await fs.readFile(file);
  } catch (cause) {
    throw fileError('FILE_UNREADABLE', `${file} cannot be read: ${reason(cause)}`, 'Check the path.', cause);
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

function fileError(code: string, message: string, hint: string, cause: unknown): NncfError {
  return new NncfError({ code, message, hint, cause });
}
