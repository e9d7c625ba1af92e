import { registerAlgorithm } from '@nncf/core';
import { filterPruning } from './filter-pruning.ts';

registerAlgorithm(filterPruning);
