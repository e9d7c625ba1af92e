/** What the scripts share: the root, running commands, pnpm through npx, the public packages. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Folder of the repository. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The package manager with its version, as package.json pins it. */
const PNPM = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).packageManager;

/** Environment of all commands: the workspace's programs on the path, turbo without telemetry. */
function environment() {
  const bin = join(ROOT, 'node_modules', '.bin');
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };
}

/**
 * Runs a command with its output shown.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, quiet?: boolean }} [options] `quiet` shows the output only when the command fails
 * @returns {number} exit code
 */
export function run(command, args, { cwd = ROOT, quiet = false } = {}) {
  const shell = process.platform === 'win32';
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    shell,
    env: environment(),
    stdio: quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw new Error(`${command} does not run: ${error.message}`);
  if (quiet && status !== 0) process.stdout.write(`${stdout}${stderr}`);
  return status ?? 1;
}

/** Runs the pinned pnpm, which npx brings. */
export function pnpm(args, options) {
  return run('npx', ['--yes', PNPM, ...args], options);
}

/** Folders of the packages that are published, in alphabetical order. */
export function publicPackages() {
  const folders = readdirSync(join(ROOT, 'packages')).map((name) => join(ROOT, 'packages', name));
  return folders.filter((folder) => existsSync(join(folder, 'package.json'))).toSorted();
}
