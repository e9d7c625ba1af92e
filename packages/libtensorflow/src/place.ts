/** Putting the library and the addon into the package. */
import { copyFile, link, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { explainDisk } from './errors.ts';
import { makeTemporary, replaceFolder } from './files.ts';
import { LIBRARIES, type Library } from './library.ts';
import { operationPaths, type Operations } from './operations.ts';
import type { Target } from './target.ts';

/** The same file at a second place, at no cost in disk where that is possible. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch {
    await symlink(from, to).catch(() => copyFile(from, to));
  }
}

/**
 * Places `deps/` and `lib/` in the package, each in one step and the addon last: without the addon tfjs-node is plainly not installed, so a kill in
 * between leaves nothing that half works.
 */
export async function place(target: Target, library: Library, addon: string, operations: Operations): Promise<void> {
  await rm(join(target.folder, 'lib'), { recursive: true, force: true });
  const temporary = await makeTemporary(target.folder);
  try {
    const deps = join(temporary, 'deps');
    await mkdir(join(deps, 'lib'), { recursive: true });
    for (const name of LIBRARIES) await linkOrCopy(join(library.libraries, name), join(deps, 'lib', name));
    if (library.cuda !== undefined) await symlink(library.cuda, join(deps, 'nvidia'));
    await replaceFolder(deps, join(target.folder, 'deps'));
    const lib = join(temporary, 'lib');
    const within = (path: string): string => join(lib, relative(join(target.folder, 'lib'), path));
    await mkdir(dirname(within(target.addon)), { recursive: true });
    await copyFile(addon, within(target.addon));
    const beside = operationPaths(target);
    if (operations.path !== undefined) await copyFile(operations.path, within(beside.library));
    await writeFile(within(beside.key), operations.key);
    await replaceFolder(lib, join(target.folder, 'lib'));
  } catch (error) {
    throw explainDisk(error, target.folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Takes an installation out of the package again. */
export async function unplace(target: Target): Promise<void> {
  for (const name of ['lib', 'deps']) await rm(join(target.folder, name), { recursive: true, force: true });
}
