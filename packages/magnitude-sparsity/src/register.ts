import { registerAlgorithm } from '@nncf/core';
import { magnitudeSparsity } from './magnitude-sparsity.ts';

registerAlgorithm(magnitudeSparsity);
