import { constSparsity } from '@nncf/const-sparsity';
import { testAlgorithm } from '@nncf/testing';

testAlgorithm(constSparsity, { config: {}, trained: false, changesOutput: false });
