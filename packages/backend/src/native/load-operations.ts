import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { notNative } from '../errors.ts';
import { OPERATIONS_MARK } from './operations.ts';

/**
 * Loads the operations that stand beside tfjs-node's addon.
 *
 * @param main Path of tfjs-node's `dist/index.js`.
 * @returns True where there are some.
 */
export function loadOperations(main: string): boolean {
  if (tf.getKernel(OPERATIONS_MARK, 'tensorflow') !== undefined) return true;
  try {
    createRequire(main)(join(dirname(main), '..', 'lib', 'napi-v8', 'nncf_ops.node'));
  } catch {
    // Not compiled here, or for another library: compositions serve.
    return false;
  }
  tf.registerKernel({ kernelName: OPERATIONS_MARK, backendName: 'tensorflow', kernelFunc: refuse });
  return true;
}

function refuse(): never {
  throw notNative(OPERATIONS_MARK, tf.getBackend());
}
