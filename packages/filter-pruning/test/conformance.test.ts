import { filterPruning } from '@nncf/filter-pruning';
import { testAlgorithm } from '@nncf/testing';

const config = { pruning_init: 0.5, params: { prune_first_conv: true } };

testAlgorithm(filterPruning, { config, trained: false, changesOutput: true });
