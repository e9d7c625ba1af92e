/** Builds the packages and packs them as they would be published. */
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm, ROOT } from './workspace.mjs';

/** Builds all packages; what has not changed comes out of turbo's cache. */
export function build() {
  if (pnpm(['exec', 'turbo', 'run', 'build', '--output-logs=errors-only'], { quiet: true }) !== 0) throw new Error('The build failed.');
}

/**
 * Packs one built package.
 *
 * @param {string} name folder below `packages`
 * @param {string} destination
 * @returns {string} path of the tarball
 */
export function pack(name, destination) {
  mkdirSync(destination, { recursive: true });
  const before = new Set(readdirSync(destination));
  const status = pnpm(['pack', '--pack-destination', destination], { cwd: join(ROOT, 'packages', name), quiet: true });
  const made = readdirSync(destination).find((file) => file.endsWith('.tgz') && !before.has(file));
  if (status !== 0 || made === undefined) throw new Error(`${name} could not be packed.`);
  return join(destination, made);
}
