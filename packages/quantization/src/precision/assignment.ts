import { budgetUnreachable, tooManyAssignments } from './errors.ts';

/** A weight whose bit width is chosen. */
export interface WeightChoice {
  /** Mean of the diagonal of its block of the Hessian. */
  readonly trace: number;
  /** ‖Q(w) − w‖² by bit width: the widths that it may have. */
  readonly perturbations: ReadonlyMap<number, number>;
}

/** What {@link chooseAssignment} decides. */
export interface AssignmentProblem {
  readonly weights: readonly WeightChoice[];
  /** How many times cheaper than 8 bits everywhere an assignment is. @param bits one width per weight */
  readonly ratioOf: (bits: readonly number[]) => number;
  /** Whether an assignment is possible at all. @default all are */
  readonly isAllowed?: ((bits: readonly number[]) => boolean) | undefined;
  /** Least `ratioOf`. */
  readonly compressionRatio: number;
}

/** Bit widths with what they cost and what they save. */
export interface Assignment {
  /** One width per weight, in the order of the weights. */
  readonly bits: readonly number[];
  /** Σ trace·‖Q(w) − w‖². */
  readonly perturbation: number;
  readonly ratio: number;
}

/** Assignments that are looked at one by one; three widths for some thousand weights. */
const MOST_ASSIGNMENTS = 500_000;

/**
 * The assignment with the least perturbation Ω = Σ trace·‖Q(w) − w‖² that keeps to the budget (HAWQ-v2, arXiv 1911.03852, equation 7).
 *
 * Only ordered assignments are looked at, all of them: a weight with a larger mean trace gets no fewer bits than one with a smaller. Where a weight
 * may not have a width it gets the nearest that it may, the larger of two. A negative trace counts as 0: rounding makes no loss better. Among
 * equals the one that uses more of the budget wins.
 *
 * @throws NncfError `BUDGET_UNREACHABLE`, `CONFIG_UNSUPPORTED` when there are too many
 */
export function chooseAssignment({ weights, ratioOf, isAllowed = () => true, compressionRatio }: AssignmentProblem): Assignment {
  let best: Assignment | undefined;
  const ratios: number[] = [];
  for (const bits of orderedAssignments(weights)) {
    if (!isAllowed(bits)) continue;
    const found = { bits, perturbation: perturbationOf(weights, bits), ratio: ratioOf(bits) };
    ratios.push(found.ratio);
    if (found.ratio >= compressionRatio && (best === undefined || isBetter(found, best))) best = found;
  }
  if (best === undefined) throw budgetUnreachable(compressionRatio, ratios);
  return best;
}

function isBetter(a: Assignment, b: Assignment): boolean {
  return a.perturbation < b.perturbation || (a.perturbation === b.perturbation && a.ratio < b.ratio);
}

function perturbationOf(weights: readonly WeightChoice[], bits: readonly number[]): number {
  return weights.reduce((sum, { trace, perturbations }, i) => sum + Math.max(trace, 0) * (perturbations.get(bits[i]!) ?? Infinity), 0);
}

/** All assignments in which bits do not fall as traces rise. */
export function* orderedAssignments(weights: readonly WeightChoice[]): Generator<readonly number[]> {
  const widths = [...new Set(weights.flatMap(({ perturbations }) => [...perturbations.keys()]))].sort((a, b) => a - b);
  const count = orderedCount(weights.length, widths.length);
  if (count > MOST_ASSIGNMENTS) throw tooManyAssignments(count, widths);
  const order = weights.map((_, i) => i).sort((a, b) => weights[a]!.trace - weights[b]!.trace);
  for (const sequence of risingSequences(weights.length, widths)) {
    const bits = weights.map(() => 0);
    sequence.forEach((width, place) => (bits[order[place]!] = nearestWidth(weights[order[place]!]!, width)));
    yield bits;
  }
}

function nearestWidth({ perturbations }: WeightChoice, wanted: number): number {
  const distance = (width: number): number => Math.abs(width - wanted);
  return [...perturbations.keys()].reduce((best, width) => {
    const difference = distance(width) - distance(best);
    return difference < 0 || (difference === 0 && width > best) ? width : best;
  });
}

/** Sequences of a length that never fall. */
function* risingSequences(length: number, widths: readonly number[]): Generator<readonly number[]> {
  const [first, ...larger] = widths;
  if (first === undefined) return;
  if (larger.length === 0) yield Array.from({ length }, () => first);
  else {
    for (let count = length; count >= 0; count--) {
      const start = Array.from({ length: count }, () => first);
      for (const rest of risingSequences(length - count, larger)) yield [...start, ...rest];
    }
  }
}

/** Number of {@link risingSequences}: (length + widths − 1) over (widths − 1). */
function orderedCount(length: number, widths: number): number {
  let count = 1;
  for (let i = 1; i < widths; i++) count = (count * (length + i)) / i;
  return Math.round(count);
}
