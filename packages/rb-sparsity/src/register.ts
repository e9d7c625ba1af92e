import { registerAlgorithm } from '@nncf/core';
import { rbSparsity } from './rb-sparsity.ts';

registerAlgorithm(rbSparsity);
