import type { AlgorithmConfig } from '@nncf/core';
import '@nncf/binarization';
import '@nncf/const-sparsity';
import '@nncf/filter-pruning';
import '@nncf/magnitude-sparsity';
import '@nncf/quantization';
import '@nncf/rb-sparsity';

/** One section for every algorithm that mixes with all others: a new one joins the matrix by a line here and its import. */
export const SECTIONS: readonly AlgorithmConfig[] = [
  { algorithm: 'quantization', initializer: { range: { num_init_samples: 4 } } },
  {
    algorithm: 'magnitude_sparsity',
    sparsity_init: 0.5,
    params: { schedule: 'multistep', multistep_steps: [1], multistep_sparsity_levels: [0.4, 0.6] },
  },
  { algorithm: 'rb_sparsity', sparsity_init: 0.3 },
  { algorithm: 'const_sparsity' },
  { algorithm: 'filter_pruning', pruning_init: 0.5 },
  { algorithm: 'binarization', target_scopes: 'conv2' },
];
