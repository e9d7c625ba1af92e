import { defineAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { unreachableTarget } from '@nncf/schedulers';
import { planMasks } from '@nncf/sparsity';
import { rbSparsitySchema } from './config-schema.ts';
import type { RbSparsityConfig } from './config.ts';
import { RbSparsity } from './controller.ts';
import { readSettings } from './settings.ts';

/**
 * Regularization-based sparsity: every weight has a gate whose logit is trained with the network, and a loss term draws the
 * share of open gates to the schedule's level (section 3.3 of arXiv 2002.08679).
 */
export const rbSparsity: AlgorithmDefinition<RbSparsityConfig> = defineAlgorithm<RbSparsityConfig>({
  name: 'rb_sparsity',
  schema: rbSparsitySchema,
  plan(graph, { config, pointer, epochs, warn }) {
    const { mode, schedule } = readSettings(config, pointer, warn);
    const unreachable = unreachableTarget(schedule, epochs);
    if (unreachable !== undefined) warn(`${pointer}: ${unreachable}`);
    return planMasks(graph, { algorithm: 'rb_sparsity', pointer, scoping: config, description: `trained gates ${mode}`, warn });
  },
  create: (context) =>
    new RbSparsity(
      readSettings(context.config, context.pointer, () => undefined),
      context,
    ),
});
