import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

/** Folder for downloaded data: `$NNCF_CACHE/data`, else `$XDG_CACHE_HOME/nncf/data`, else `~/.cache/nncf/data`. */
export function dataCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  const root = env['NNCF_CACHE'] || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nncf');
  return join(root, 'data');
}

/**
 * Makes a folder appear as a whole or not at all: `fill` writes into a temporary one beside it, which takes the name
 * at the end. An older folder of that name is replaced.
 */
export async function writeFolder(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(folder), { recursive: true });
  const temporary = await mkdtemp(join(dirname(folder), `.${basename(folder)}-`));
  try {
    await fill(temporary);
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
