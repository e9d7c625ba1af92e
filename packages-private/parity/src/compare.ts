import type { QuantizerGrid } from '@nncf/quantization';
import { valuesOf, type Figures } from './figures.ts';
import type { Measured } from './measure.ts';
import { stepsOf } from './ties.ts';

/** How far apart the halves may be. */
export const TOLERANCE = { ranges: 1e-5, outputs: 1e-5, gradients: 1e-4, losses: 1e-3, tie: 1e-4 } as const;

/** A largest difference and where it is. */
export interface Difference {
  readonly error: number;
  readonly where: string;
}

/** One case, compared. */
export interface Comparison {
  /** Names that only one of the halves has: places of quantizers that differ. */
  readonly unmatched: readonly string[];
  /** Relative to the value itself, or to the width for the lowest value, which may be zero. */
  readonly ranges: Difference;
  /** Relative to the largest, values on neighbouring levels apart: they are {@link Flips}. */
  readonly outputs: Difference;
  readonly flips: Flips;
  /**
   * Relative to the largest of the tensor. Some gradients are sums that cancel: the offset of a batch normalization that another one takes out
   * again has none, and that of a range is made of rounding errors y − x, differences of nearly equal numbers. So the error is relative at
   * least to a hundredth of the largest gradient of such weights (kernels, factors, offsets) in the network, or of the norm of what flows into
   * the quantizer.
   */
  readonly gradients: { readonly weights: Difference; readonly quantizers: Difference };
  /** Of the losses themselves. */
  readonly losses: Difference;
}

/** Values that the same quantizer put on neighbouring levels here and there. */
export interface Flips {
  readonly values: number;
  readonly flips: number;
  /** How far from a midpoint such a value was, in steps. */
  readonly farthest: number;
}

/** What an error is. */
type ErrorOf = (ours: Float32Array, reference: Float32Array, name: string) => number;

/** Compares what both halves have measured. */
export function compare({ figures, grids }: Measured, reference: Figures): Comparison {
  const each = (prefix: string, errorOf: ErrorOf): Difference[] =>
    [...figures.keys()]
      .filter((name) => name.startsWith(prefix) && reference.has(name))
      .map((name) => ({
        where: name.slice(prefix.length) || name,
        error: errorOf(valuesOf(figures, name)!, valuesOf(reference, name)!, name),
      }));
  const rangeError: ErrorOf = (ours, theirs, name) =>
    relativeToWidth(ours, theirs, valuesOf(reference, name.replace(/input_low$/u, 'input_range'))!);
  const least = leastGradients(reference);
  const gradients = each('gradient/', (ours, theirs, name) => relative(ours, theirs, least(name)));
  const outputs = [...grids].flatMap(([key, grid]) => roundings(key, grid, figures, reference));
  return {
    unmatched: [...unmatchedOf(figures, reference), ...unmatchedOf(reference, figures)],
    ranges: largest([...each('ranges/', rangeError), ...each('signed/', absolute)]),
    outputs: largest(outputs),
    flips: {
      values: sum(outputs.map(({ values }) => values)),
      flips: sum(outputs.map(({ flips }) => flips)),
      farthest: Math.max(0, ...outputs.map(({ farthest }) => farthest)),
    },
    gradients: {
      weights: largest(gradients.filter(({ where }) => !where.includes('/'))),
      quantizers: largest(gradients.filter(({ where }) => where.includes('/'))),
    },
    losses: largest(each('loss', absolute)),
  };
}

function unmatchedOf(some: Figures, others: Figures): string[] {
  return [...some.keys()].filter((name) => !others.has(name) && !/^(input|output|ties|upstream)\//u.test(name));
}

/** One quantizer's roundings of the values that the reference's has seen. */
function roundings(key: string, grid: QuantizerGrid, figures: Figures, reference: Figures): (Difference & Flips)[] {
  const [ours, theirs, input] = [
    valuesOf(figures, `output/${key}`),
    valuesOf(reference, `output/${key}`),
    valuesOf(reference, `input/${key}`),
  ];
  if (ours === undefined || theirs === undefined || input === undefined) return [];
  const steps = stepsOf(grid);
  const largestValue = maxOf(theirs, Math.abs);
  const found = { where: key, values: theirs.length, error: 0, flips: 0, farthest: 0 };
  for (let i = 0; i < theirs.length; i++) {
    const step = steps[i % steps.length]!;
    const difference = Math.abs(ours[i]! - theirs[i]!);
    if (Math.abs(difference - step) < step / 2) {
      const place = (input[i]! - grid.low[i % steps.length]!) / step;
      found.flips++;
      found.farthest = Math.max(found.farthest, Math.abs(place - Math.floor(place) - 0.5));
    } else if (difference > 0) found.error = Math.max(found.error, difference / largestValue);
  }
  return [found];
}

function relativeToWidth(ours: Float32Array, reference: Float32Array, widths: Float32Array): number {
  return maxOf(reference, (value, i) => Math.abs(value - (ours[i] ?? Number.NaN)) / Math.abs(widths[i]!));
}

function absolute(ours: Float32Array, reference: Float32Array): number {
  return maxOf(ours, (value, i) => Math.abs(value - (reference[i] ?? Number.NaN)));
}

/** Largest difference over the largest value, or over `least` if that is larger. */
function relative(ours: Float32Array, reference: Float32Array, least: number): number {
  const difference = maxOf(reference, (value, i) => Math.abs(value - (ours[i] ?? Number.NaN)));
  return difference === 0 ? 0 : difference / Math.max(least, maxOf(reference, Math.abs));
}

/** What the error of a gradient is at least relative to. */
function leastGradients(reference: Figures): (name: string) => number {
  const kindOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const ofWeights = [...reference.keys()].filter((name) => /^gradient\/[^/]+$/u.test(name));
  const largestOfKind = new Map<string, number>();
  for (const name of ofWeights) {
    largestOfKind.set(kindOf(name), Math.max(largestOfKind.get(kindOf(name)) ?? 0, maxOf(valuesOf(reference, name)!, Math.abs)));
  }
  return (name) => {
    const [, owner, parameter] = name.split('/');
    return 0.01 * (parameter === undefined ? largestOfKind.get(kindOf(name))! : (valuesOf(reference, `upstream/${owner}`)?.[0] ?? 0));
  };
}

/** What is not a number counts as the largest. Nowhere where nothing was compared. */
function largest(differences: readonly Difference[]): Difference {
  const [first = { error: 0, where: '' }, ...rest] = differences;
  const { error, where } = rest.reduce((worst, each) => (each.error > worst.error || Number.isNaN(each.error) ? each : worst), first);
  return { error, where };
}

function maxOf(values: Float32Array, of: (value: number, index: number) => number): number {
  let max = 0;
  for (let i = 0; i < values.length; i++) {
    const value = of(values[i]!, i);
    if (!(value <= max)) max = value;
  }
  return max;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
