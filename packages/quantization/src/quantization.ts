import { defineAlgorithm, type AlgorithmDefinition } from '@nncf/core';
import { quantizationSchema } from './config-schema.ts';
import type { QuantizationConfig } from './config.ts';
import { QuantizationController } from './controller.ts';
import { ALGORITHM_NAME } from './placement/commands.ts';
import { planQuantizers } from './placement/plan.ts';

/** Quantization-aware training with trained ranges (arXiv 2002.08679, section 3.1). */
export const quantization: AlgorithmDefinition<QuantizationConfig> = defineAlgorithm<QuantizationConfig>({
  name: ALGORITHM_NAME,
  schema: quantizationSchema,
  plan: (graph, context) => planQuantizers(graph, context).commands,
  create: (context) => new QuantizationController(context),
});
