import { matchesScope, NncfError, producerOf, type ModelGraph } from '@nncf/core';
import type { QuantizationConfig } from '../config.ts';
import { withBits } from './demand.ts';
import type { Placement } from './propagate.ts';

/** Which of a node's quantizers a manual bit width is for. */
type Place = 'WEIGHT' | 'INPUT' | 'OUTPUT';

const ENDING = /^(.*)\|(WEIGHT|INPUT|OUTPUT)\d*$/u;

/**
 * Gives quantizers the bit widths of `bitwidth_per_scope`; later pairs count more.
 *
 * @throws NncfError `SCOPE_UNMATCHED` with the JSON pointer of a pair that is about no quantizer
 */
export function assignManualBits(
  graph: ModelGraph,
  config: QuantizationConfig,
  placements: readonly Placement[],
  pointer: string,
): readonly Placement[] {
  const { precision } = config.initializer ?? {};
  if (precision?.type !== 'manual') return placements;
  return (precision.bitwidth_per_scope ?? []).reduce((present, [bits, address], index) => {
    const [, scope = address, place] = ENDING.exec(address) ?? [];
    const isMeant = (placement: Placement): boolean => concerns(graph, placement, scope, place as Place | undefined);
    if (!present.some(isMeant)) throw noQuantizer(address, `${pointer}/initializer/precision/bitwidth_per_scope/${index}/1`);
    return present.map((placement) => (isMeant(placement) ? { ...placement, demand: withBits(placement.demand, bits) } : placement));
  }, placements);
}

function concerns(graph: ModelGraph, { value, places, demand }: Placement, scope: string, place: Place | undefined): boolean {
  const producer = producerOf(graph, value);
  if (place === 'OUTPUT') return producer !== undefined && matchesScope(scope, producer);
  const group = place === undefined ? demand.group : place === 'WEIGHT' ? 'weights' : 'activations';
  return group === demand.group && places.some(({ node }) => matchesScope(scope, node));
}

function noQuantizer(address: string, pointer: string): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'SCOPE_UNMATCHED',
    message: `No quantizer stands at "${address}" (${pointer}).`,
    hint: 'Print the plan to see where quantizers stand. Endings: |WEIGHT, |INPUT, |OUTPUT.',
  });
}
