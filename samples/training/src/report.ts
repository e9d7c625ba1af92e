import Table from 'cli-table3';

/** Rows of a table: a name and one value for each column. */
export interface Report {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A report as a table of lines and corners. */
export function toTable({ columns, rows }: Report): string {
  const table = new Table({
    head: ['', ...columns],
    style: { head: [], border: [] },
    colAligns: ['left', ...columns.map(() => 'right' as const)],
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** 0.9173 as `91.73 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

/** 123456 as `123.5 kB`. */
export function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
