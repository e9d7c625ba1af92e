import type { Scoping } from '@nncf/core';

/** The section `{ "algorithm": "const_sparsity" }`. */
export type ConstSparsityConfig = Scoping;

declare module '@nncf/core' {
  interface AlgorithmConfigs {
    const_sparsity: ConstSparsityConfig;
  }
}
