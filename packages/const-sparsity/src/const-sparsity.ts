import { defineAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { planMasks } from '@nncf/sparsity';
import { constSparsitySchema } from './config-schema.ts';
import type { ConstSparsityConfig } from './config.ts';
import { ConstSparsity } from './controller.ts';

/**
 * Constant sparsity: the masks of a checkpoint of magnitude or regularization-based sparsity stay while the other weights are
 * trained on. Without a checkpoint the weights that are zero stay zero.
 */
export const constSparsity: AlgorithmDefinition<ConstSparsityConfig> = defineAlgorithm<ConstSparsityConfig>({
  name: 'const_sparsity',
  schema: constSparsitySchema,
  plan: (graph, { config, pointer, warn }) =>
    planMasks(graph, { algorithm: 'const_sparsity', pointer, scoping: config, description: 'constant mask', warn }),
  create: (context) => new ConstSparsity(context),
});
