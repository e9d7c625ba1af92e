import { commonWidths, demandKey, variantsOf, withBits, type Demand } from './demand.ts';

/**
 * What becomes of the quantizers below a tensor that several operations read: `QuantizerPropagationRule` of NNCF.
 *
 * - `DO_NOT_MERGE_BRANCHES`: every reader keeps its own.
 * - `MERGE_IF_ALL_BRANCHES_SAME`: one for all if all would have the same widths, none otherwise.
 * - `MERGE_WITH_POTENTIAL_REQUANTIZATION`: one of the finest width for all; a reader of a coarser one has its own behind it.
 * - `MERGE_ALL_IN_ONE`: one of a width that will do for every reader, none if there is no such width.
 */
export type PropagationRule = (typeof PROPAGATION_RULES)[number];

export const PROPAGATION_RULES = [
  'DO_NOT_MERGE_BRANCHES',
  'MERGE_IF_ALL_BRANCHES_SAME',
  'MERGE_WITH_POTENTIAL_REQUANTIZATION',
  'MERGE_ALL_IN_ONE',
] as const;

/** One quantizer for several readers. */
export interface Merge {
  readonly demand: Demand;
  /** Which readers have one of their own behind it. */
  readonly requantized: readonly boolean[];
}

/** What one quantizer for all would be; undefined where the rule wants several. */
export function mergeDemands(rule: PropagationRule, demands: readonly Demand[]): Merge | undefined {
  const [first] = demands;
  if (first === undefined) return undefined;
  if (demands.length === 1) return { demand: first, requantized: [false] };
  // Weights are one variable however many read them.
  const effective = demands.every(({ group }) => group === 'weights') ? 'MERGE_ALL_IN_ONE' : rule;
  if (effective === 'DO_NOT_MERGE_BRANCHES') return undefined;
  if (effective !== 'MERGE_IF_ALL_BRANCHES_SAME') return mergeBest(demands, effective === 'MERGE_WITH_POTENTIAL_REQUANTIZATION');
  return demands.every((demand) => sameChoice(demand, first)) ? joined(demands, first) : undefined;
}

function sameChoice(a: Demand, b: Demand): boolean {
  const [x, y] = [a, b].map((demand) => variantsOf(demand).map(demandKey).toSorted().join());
  return x === y;
}

function mergeBest(demands: readonly Demand[], requantize: boolean): Merge | undefined {
  const all = new Map(demands.flatMap(variantsOf).map((variant) => [demandKey(variant), variant]));
  const suits = (variant: Demand, demand: Demand): boolean => serves(variant, demand) || (requantize && precedes(variant, demand));
  const possible = [...all.values()].filter((variant) => demands.every((demand) => suits(variant, demand)));
  const [best] = possible.toSorted((a, b) => votes(demands, a) - votes(demands, b) || compare(a, b));
  return best === undefined ? undefined : joined(demands, best);
}

/** `best` for the demands that it serves, in all widths in which it does. */
function joined(demands: readonly Demand[], best: Demand): Merge {
  const served = demands.filter((demand) => serves(best, demand));
  const bits = served[0]?.bits.filter((width) => served.every((demand) => serves(withBits(best, width), demand))) ?? best.bits;
  const ordered = [best.scheme.bits, ...bits.filter((width) => width !== best.scheme.bits)];
  const demand: Demand = {
    ...best,
    unify: served[0]?.unify ?? best.unify,
    bits: ordered,
    supported: commonWidths(served.map(({ supported }) => supported)),
    isUnified: served.some(({ isUnified }) => isUnified),
  };
  return { demand, requantized: demands.map((each) => !serves(best, each)) };
}

/** Whether a quantizer is what a demand wants in one of its widths. */
function serves(variant: Demand, demand: Demand): boolean {
  const key = demandKey(variant);
  return variantsOf(demand).some((each) => demandKey(each) === key);
}

/** Whether the quantizers of a demand, whatever their width, make sense behind another: they are no finer. */
function precedes(variant: Demand, demand: Demand): boolean {
  const { scheme, group } = variant;
  return variantsOf(demand).every(
    ({ scheme: later, group: laterGroup }) =>
      laterGroup === group &&
      later.bits <= scheme.bits &&
      !(later.mode === 'asymmetric' && scheme.mode === 'symmetric') &&
      !(later.signed === undefined && scheme.signed !== undefined) &&
      !(later.signed === true && scheme.signed === false) &&
      later.narrowRange === scheme.narrowRange,
  );
}

/** How far behind in the readers' lists a quantizer stands; one that a reader does not list counts as the last. */
function votes(demands: readonly Demand[], variant: Demand): number {
  const key = demandKey(variant);
  const last = Math.max(...demands.map(({ bits }) => bits.length)) + 1;
  return demands.reduce((sum, demand) => {
    const place = variantsOf(demand).findIndex((each) => demandKey(each) === key);
    return sum + (place < 0 ? last : place);
  }, 0);
}

/** More bits first, then one scale, then symmetric. */
function compare(a: Demand, b: Demand): number {
  const rank = ({ scheme }: Demand): number => Number(scheme.perChannel) * 2 + Number(scheme.mode === 'asymmetric');
  return b.scheme.bits - a.scheme.bits || rank(a) - rank(b);
}
