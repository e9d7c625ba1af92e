import { nearest } from '../config/nearest.ts';
import { NncfError } from '../errors.ts';
import { find, registered, type RegistryToken } from './registry.ts';

/** Where a plug-in may come from when it is not registered yet. */
export interface ResolveOptions {
  /** Packages that the configuration allows, in order. */
  readonly packages: readonly string[];
  /** The package that an unknown name most likely needs. */
  readonly suggestion: string;
  /** Imports a package; replaced in tests. */
  readonly load?: (name: string) => Promise<unknown>;
}

/**
 * Finds a plug-in: the registered one, else whichever of the allowed packages registers it when imported from the
 * user's project. In a browser nothing is imported.
 *
 * @throws NncfError `PLUGIN_UNKNOWN` that lists what is registered and the package to install
 */
export async function resolvePlugin<Plugin>(token: RegistryToken<Plugin>, name: string, options: ResolveOptions): Promise<Plugin> {
  for (const candidate of options.packages) {
    if (find(token, name) !== undefined) break;
    await importIfInstalled(candidate, options.load ?? importFromProject);
  }
  const plugin = find(token, name);
  if (plugin === undefined) throw unknown(token, name, options.suggestion);
  return plugin;
}

async function importIfInstalled(name: string, load: (name: string) => Promise<unknown>): Promise<void> {
  try {
    await load(name);
  } catch (cause) {
    if (!isMissing(cause, name)) throw broken(name, cause);
  }
}

/** Imports a package as the user's project sees it; where the project has none, as this package does. */
async function importFromProject(name: string): Promise<unknown> {
  if (typeof process === 'undefined' || process.versions?.node === undefined) return undefined;
  const [{ createRequire }, { pathToFileURL }] = await Promise.all([import('node:module'), import('node:url')]);
  try {
    return await import(pathToFileURL(createRequire(`${process.cwd()}/`).resolve(name)).href);
  } catch (cause) {
    if (!isMissing(cause, name)) throw cause;
    return import(name);
  }
}

function isMissing(cause: unknown, name: string): boolean {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND' || code === 'ERR_PACKAGE_PATH_NOT_EXPORTED';
  // The message of a package's own missing dependency names the package too, as part of a path.
  return (
    missing &&
    cause instanceof Error &&
    (cause.message.includes(`'${name}'`) || cause.message.includes(`node_modules/${name}/package.json`))
  );
}

function broken(name: string, cause: unknown): NncfError {
  return new NncfError({
    code: 'PLUGIN_BROKEN',
    message: `The package ${name} is installed but fails when imported: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Its own error is the cause of this one.',
    cause,
  });
}

function unknown<Plugin>(token: RegistryToken<Plugin>, name: string, suggestion: string): NncfError {
  const present = registered(token);
  const guess = nearest(name, present);
  return new NncfError({
    code: 'PLUGIN_UNKNOWN',
    message: `No ${token.kind} is registered as "${name}". Registered: ${present.length === 0 ? 'none' : present.join(', ')}.`,
    hint: `${guess === undefined ? '' : `Did you mean "${guess}"? `}Install it: npm install ${suggestion}. A package of another name goes into the configuration's "plugins"; in a browser import it yourself.`,
  });
}
