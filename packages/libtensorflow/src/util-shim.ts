/**
 * Gives `node:util` the two functions that `@tensorflow/tfjs-node` 4.22 still calls: Node 23 removed them, and Node 22 prints a deprecation note at
 * their first use. Import it before tfjs-node.
 */
import util from 'node:util';

/** Puts plain `util.isNullOrUndefined` and `util.isArray` in place. */
export function installUtilShim(): void {
  Reflect.set(util, 'isNullOrUndefined', (value: unknown) => value === null || value === undefined);
  Reflect.set(util, 'isArray', Array.isArray);
}

installUtilShim();
