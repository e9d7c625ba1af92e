/**
 * Puts back the two functions of `node:util` that `@tensorflow/tfjs-node` 4.22 still calls and Node 23 removed. Import it before tfjs-node; it
 * changes nothing where the functions exist.
 */
import util from 'node:util';

/** Installs `util.isNullOrUndefined` and `util.isArray` where this Node lacks them; returns the names it added. */
export function installUtilShim(): string[] {
  const removed: Record<string, (value: unknown) => boolean> = {
    isNullOrUndefined: (value) => value === null || value === undefined,
    isArray: (value) => Array.isArray(value),
  };
  const missing = Object.keys(removed).filter((name) => !(name in util));
  for (const name of missing) Reflect.set(util, name, removed[name]);
  return missing;
}

installUtilShim();
