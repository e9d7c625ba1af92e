import { magnitudeSparsity } from '@nncf/magnitude-sparsity';
import { testAlgorithm } from '@nncf/testing';

testAlgorithm(magnitudeSparsity, { config: { sparsity_init: 0.5 }, trained: false, changesOutput: true });
