import type { GraphNode } from '@nncf/core';
import type { QuantizationConfig, RangeOptions, ScopedRangeOptions } from '../config.ts';
import type { RangeSpec } from '../scheme.ts';
import { overridesFor, type QuantizerGroup } from './schemes.ts';
import { inScope } from './scopes.ts';

const DEFAULT_SAMPLES = 256;
const DEFAULT_PERCENTILES = { min: 0.1, max: 99.9 };

/** How the quantizer of what a node reads finds its range: the node's override, else the first entry of `initializer.range` about it. */
export function rangeSpec(config: QuantizationConfig, group: QuantizerGroup, node: GraphNode): RangeSpec {
  const own = overridesFor(config, group, node).findLast(({ initializer }) => initializer?.range !== undefined)?.initializer?.range;
  const options = pick(own, group, node) ?? pick(config.initializer?.range, group, node) ?? {};
  return {
    type: options.type ?? (group === 'weights' ? 'min_max' : 'mean_min_max'),
    samples: options.num_init_samples ?? DEFAULT_SAMPLES,
    batches: options.num_init_steps,
    minPercentile: options.params?.min_percentile ?? DEFAULT_PERCENTILES.min,
    maxPercentile: options.params?.max_percentile ?? DEFAULT_PERCENTILES.max,
  };
}

function pick(
  range: RangeOptions | readonly ScopedRangeOptions[] | undefined,
  group: QuantizerGroup,
  node: GraphNode,
): RangeOptions | undefined {
  if (range === undefined) return undefined;
  const entries: readonly ScopedRangeOptions[] = Array.isArray(range) ? range : [range];
  return entries.find((entry) => (entry.target_quantizer_group ?? group) === group && inScope(entry, node));
}
