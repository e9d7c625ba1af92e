import { defineAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { binarizationSchema } from './config-schema.ts';
import type { BinarizationConfig } from './config.ts';
import { BinarizationController } from './controller.ts';
import { ALGORITHM_NAME, planBinarization } from './placement/plan.ts';

/** Binarization of 2-D convolutions, trained in four stages (arXiv 2002.08679, section 3.2). */
export const binarization: AlgorithmDefinition<BinarizationConfig> = defineAlgorithm<BinarizationConfig>({
  name: ALGORITHM_NAME,
  schema: binarizationSchema,
  plan: (graph, context) => planBinarization(graph, context).commands,
  create: (context) => new BinarizationController(context),
});
