import { commonWidths, withBits } from './demand.ts';
import type { Groups } from './groups.ts';
import type { Placement } from './propagate.ts';

/** Gives the placements of one set the best width that will do for all of them, if there is one. */
export function agreeOnBits(placements: readonly Placement[], groups: Groups): readonly Placement[] {
  const sets = new Map<number, Placement[]>();
  for (const placement of placements) {
    const root = groups.rootOf(placement.demand.unify);
    sets.set(root, [...(sets.get(root) ?? []), placement]);
  }
  return placements.map((placement) => {
    const set = sets.get(groups.rootOf(placement.demand.unify)) ?? [];
    const [best] = set.length > 1 ? (commonWidths(set.map(({ demand }) => demand.bits)) ?? []) : [];
    return best === undefined ? placement : { ...placement, demand: withBits(placement.demand, best) };
  });
}

/** Without the quantizers that would round once more to the grid that the one before them has. */
export function withoutRepeated(placements: readonly Placement[], groups: Groups): readonly Placement[] {
  return placements.filter(({ behind, demand }) => {
    if (behind === undefined) return true;
    const before = placements.find((other) => groups.rootOf(other.demand.unify) === groups.rootOf(behind));
    return before === undefined || before.demand.scheme.bits !== demand.scheme.bits || before.demand.scheme.mode !== demand.scheme.mode;
  });
}
