import { defineAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { unreachableTarget } from '@nncf/schedulers';
import { planMasks } from '@nncf/sparsity';
import { magnitudeSparsitySchema } from './config-schema.ts';
import type { MagnitudeSparsityConfig } from './config.ts';
import { MagnitudeSparsity } from './controller.ts';
import { describeSettings, readSettings } from './settings.ts';

/**
 * Magnitude sparsity: the weights that are smallest for their layer become zero, more of them from epoch to epoch, while the
 * others are trained on (Zhu and Gupta, arXiv 1710.01878; section 3.3 of arXiv 2002.08679).
 */
export const magnitudeSparsity: AlgorithmDefinition<MagnitudeSparsityConfig> = defineAlgorithm<MagnitudeSparsityConfig>({
  name: 'magnitude_sparsity',
  schema: magnitudeSparsitySchema,
  plan(graph, { config, pointer, epochs, warn }) {
    const settings = readSettings(config, pointer, warn);
    const unreachable = settings.pattern === undefined ? unreachableTarget(settings.schedule, epochs) : undefined;
    if (unreachable !== undefined) warn(`${pointer}: ${unreachable}`);
    return planMasks(graph, { algorithm: 'magnitude_sparsity', pointer, scoping: config, description: describeSettings(settings), warn });
  },
  create: (context) =>
    new MagnitudeSparsity(
      readSettings(context.config, context.pointer, () => undefined),
      context,
    ),
});
