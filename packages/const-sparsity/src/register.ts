import { registerAlgorithm } from '@nncf/core';
import { constSparsity } from './const-sparsity.ts';

registerAlgorithm(constSparsity);
