import type { Case } from './cases.ts';
import { TOLERANCE, type Comparison, type Difference } from './compare.ts';
import type { TieCount } from './ties.ts';

/** A case with its outcome. */
export interface Row {
  readonly each: Case;
  readonly quantizers: { readonly weights: number; readonly activations: number };
  readonly comparison: Comparison;
  readonly ties: TieCount;
  /** Versions and date. */
  readonly measured: string;
}

/** What a comparison breaks, in a line each; empty when it holds. */
export function violations({ comparison, ties }: Pick<Row, 'comparison' | 'ties'>): string[] {
  const { unmatched, ranges, outputs, flips, gradients, losses } = comparison;
  const above = (what: string, { error, where }: Difference, tolerance: number): string[] =>
    error <= tolerance ? [] : [`${what}${where === '' ? '' : ` of ${where}`} differ by ${shown(error)}, more than ${shown(tolerance)}`];
  return [
    ...unmatched.slice(0, 5).map((name) => `${name} is in one half only`),
    ...above('ranges', ranges, TOLERANCE.ranges),
    ...above('outputs', outputs, TOLERANCE.outputs),
    ...(flips.farthest <= TOLERANCE.tie ? [] : [`a value ${shown(flips.farthest)} of a step from a midpoint was rounded the other way`]),
    ...above('gradients', gradients.weights, TOLERANCE.gradients),
    ...above('gradients', gradients.quantizers, TOLERANCE.gradients),
    ...above('losses', { ...losses, where: '' }, TOLERANCE.losses),
    ...(ties.lost === 0 ? [] : [`${ties.lost} values that the reference has near a midpoint are elsewhere`]),
  ];
}

const COLUMNS: readonly (readonly [title: string, of: (row: Row) => string])[] = [
  ['network', ({ each }) => each.network],
  ['scheme', ({ each }) => each.scheme],
  ['quantizers', ({ quantizers: { weights, activations } }) => `${weights} + ${activations}`],
  ['ranges', ({ comparison }) => cell(comparison.ranges)],
  ['outputs', ({ comparison }) => cell(comparison.outputs)],
  ['rounded otherwise', ({ comparison: { flips } }) => `${flips.flips} of ${count(flips.values)}`],
  ['gradients of weights', ({ comparison }) => cell(comparison.gradients.weights)],
  ['of quantizers', ({ comparison }) => cell(comparison.gradients.quantizers)],
  ['losses, 20 steps', ({ comparison }) => cell(comparison.losses)],
  ['ties', ({ ties }) => `${count(ties.turned)} of ${count(ties.followed)}`],
];

/** The table of the docs, padded as the formatter does. */
export function markdownTable(rows: readonly Row[]): string {
  const cells = [COLUMNS.map(([title]) => title), ...rows.map((row) => COLUMNS.map(([, of]) => of(row)))];
  const widths = COLUMNS.map((_, column) => Math.max(3, ...cells.map((line) => line[column]!.length)));
  const padded = cells.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)));
  const [titles, ...lines] = padded;
  return [titles!, widths.map((width) => '-'.repeat(width)), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

const MARKS = ['<!-- table -->', '<!-- end of table -->'] as const;

/** The page with another table between its marks, and with what it was made. */
export function withTable(page: string, rows: readonly Row[]): string {
  const [start, end] = MARKS.map((mark) => page.indexOf(mark)) as [number, number];
  if (start < 0 || end < start) throw new Error(`The page has no ${MARKS.join(' and ')} around its table.`);
  const measured = [...new Set(rows.map((row) => row.measured))].sort();
  return `${page.slice(0, start)}${MARKS[0]}\n\n${markdownTable(rows)}\n\n${measured.join('\n\n')}.\n\n${page.slice(end)}`;
}

/** A dash where nothing was compared. */
function cell({ error, where }: Difference): string {
  return where === '' ? '–' : shown(error);
}

function shown(error: number): string {
  return error === 0 ? '0' : error.toExponential(0);
}

function count(values: number): string {
  return values.toLocaleString('en');
}
