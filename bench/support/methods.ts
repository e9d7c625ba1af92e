import type { AlgorithmConfig } from '@nncf/core';
import '@nncf/magnitude-sparsity';
import '@nncf/quantization';
import '@nncf/rb-sparsity';

const INT8: AlgorithmConfig = { algorithm: 'quantization', initializer: { range: { num_init_samples: 64 } } };

/** Name of a compression. */
export type Method = 'fp32' | 'int8' | 'magnitude' | 'rb' | 'int8+rb';

/** Compressions whose cost is measured, by name. */
export const METHODS: Readonly<Record<Method, readonly AlgorithmConfig[]>> = {
  fp32: [],
  int8: [INT8],
  magnitude: [{ algorithm: 'magnitude_sparsity', sparsity_init: 0.5 }],
  rb: [{ algorithm: 'rb_sparsity', sparsity_init: 0.5 }],
  'int8+rb': [{ algorithm: 'rb_sparsity', sparsity_init: 0.5 }, INT8],
};

/** A compression by name. @throws Error with the known names */
export function methodNamed(name: string): Method {
  if (Object.hasOwn(METHODS, name)) return name as Method;
  throw new Error(`There is no method ${name}; known are ${Object.keys(METHODS).join(', ')}.`);
}
