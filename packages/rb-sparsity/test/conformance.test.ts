import { rbSparsity } from '@nncf/rb-sparsity';
import { testAlgorithm } from '@nncf/testing';

testAlgorithm(rbSparsity, { config: { sparsity_init: 0.3 }, trained: true, changesOutput: false });
