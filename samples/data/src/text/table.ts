import type { Report } from '../detection/images.ts';
import { corruptFile } from '../errors.ts';
import type { TextFile } from './source.ts';

/** A row of a table: cells by what they hold. */
export interface TableRow<Key extends string> {
  /** `file:line`, for reports. */
  readonly at: string;
  readonly cells: Readonly<Record<Key, string>>;
}

/** What the columns of a table may be called, by what they hold; a column that may be missing has an empty name among them. */
export type TableColumns<Key extends string> = Readonly<Record<Key, readonly string[]>>;

/**
 * Rows of a table whose cells are separated by tabs and whose first line names the columns. Nothing is quoted: a quotation mark is a character
 * like any. Empty lines are left out, and so, with a report, are rows of another number of cells.
 * @throws NncfError `CORRUPT_FILE` when a column is missing
 */
export function readTable<Key extends string>(file: TextFile, columns: TableColumns<Key>, report: Report): readonly TableRow<Key>[] {
  const [head = '', ...lines] = file.text.split(/\r?\n/);
  const header = head.split('\t').map((name) => name.trim().toLowerCase());
  const keys = Object.keys(columns) as Key[];
  const places = keys.map((key) => placeOf(header, columns[key], key, file.name));
  return lines.flatMap((line, index): TableRow<Key>[] => {
    if (line.trim() === '') return [];
    const cells = line.split('\t');
    const at = `${file.name}:${index + 2}`;
    if (cells.length === header.length) {
      const entries = keys.map((key, i) => [key, cells[places[i]!]?.trim() ?? ''] as const);
      return [{ at, cells: Object.fromEntries(entries) as Record<Key, string> }];
    }
    report(at, `it has ${cells.length} cells, not ${header.length}; the row is left out`);
    return [];
  });
}

function placeOf(header: readonly string[], names: readonly string[], key: string, file: string): number {
  const place = header.findIndex((name) => name !== '' && names.includes(name));
  if (place < 0 && !names.includes(''))
    throw corruptFile(file, `line 1 names no column for the ${key}: there are ${header.join(', ')}, wanted is ${names.join(' or ')}`);
  return place;
}
