import { reportOnce, type Report } from '../detection/images.ts';
import { corruptFile } from '../errors.ts';
import { readTextFile, type TextFile } from './source.ts';
import { readTable, type TableColumns, type TableRow } from './table.ts';

/** A text, or a pair of texts, and its class. */
export interface TextExample {
  readonly first: string;
  readonly second?: string | undefined;
  readonly label: number;
}

/** Texts of known classes. */
export interface TextDataset {
  readonly name: string;
  readonly classNames: readonly string[];
  readonly examples: readonly TextExample[];
}

/** How texts are read. */
export interface TextOptions {
  /** Hears of rows that are left out, as `file:line` and reason. @default a line on standard error */
  readonly onProblem?: Report;
}

type Key = 'first' | 'second' | 'label' | 'language';

interface Layout {
  readonly name: string;
  /** Where the file may lie. */
  readonly paths: readonly string[];
  readonly columns: TableColumns<Key>;
  readonly classNames: readonly string[];
  /** What a table says for each class. */
  readonly labels: readonly (readonly string[])[];
  readonly isPair: boolean;
  /** Rows in other languages are for others. */
  readonly language?: string;
}

/** Parts of a dataset of texts. */
export type TextSplit = 'train' | 'dev' | 'test';

/**
 * SST-2 (Socher et al. 2013, in the layout of GLUE): sentences of film reviews, `sst2/<split>.tsv` or `<split>.tsv` with columns sentence and label.
 * @param source folder or tar file
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export function sst2(source: string, split: TextSplit, options: TextOptions = {}): Promise<TextDataset> {
  const layout: Layout = {
    name: `sst2 ${split}`,
    paths: [`sst2/${split}.tsv`, `SST-2/${split}.tsv`, `${split}.tsv`],
    columns: { first: ['sentence', 'content'], second: [''], label: ['label'], language: [''] },
    classNames: ['negative', 'positive'],
    labels: [['0'], ['1']],
    isPair: false,
  };
  return load(source, layout, options);
}

/**
 * Pairs of premise and hypothesis of XNLI (Conneau et al. 2018, arXiv 1809.05053): `xnli.<split>.tsv` as published (columns language, gold_label,
 * sentence1, sentence2), `xnli-<language>/<split>.tsv` or `<split>.tsv` with columns text_a, text_b, label; for training
 * `multinli.train.<language>.tsv` (premise, hypo, label) too.
 * @param source folder or tar file
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export function xnli(
  source: string,
  split: TextSplit,
  { language = 'zh', ...options }: TextOptions & { readonly language?: string } = {},
): Promise<TextDataset> {
  const published = split === 'train' ? `multinli.train.${language}.tsv` : `xnli.${split}.tsv`;
  const layout: Layout = {
    name: `xnli ${language} ${split}`,
    paths: [`xnli-${language}/${split}.tsv`, published, `${split}.tsv`],
    columns: {
      first: ['sentence1', 'text_a', 'premise'],
      second: ['sentence2', 'text_b', 'hypo', 'hypothesis'],
      label: ['gold_label', 'label'],
      language: ['language', ''],
    },
    classNames: ['contradiction', 'entailment', 'neutral'],
    labels: [['contradiction', 'contradictory'], ['entailment'], ['neutral']],
    isPair: true,
    language,
  };
  return load(source, layout, options);
}

/**
 * Pairs of sentences of the Microsoft Research Paraphrase Corpus (Dolan and Brockett 2005), and whether they mean the same:
 * `msr_paraphrase_<split>.txt`; there is no dev part.
 * @param source folder or tar file
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export function mrpc(source: string, split: 'train' | 'test', options: TextOptions = {}): Promise<TextDataset> {
  const file = `msr_paraphrase_${split}.txt`;
  const layout: Layout = {
    name: `mrpc ${split}`,
    paths: [`mrpc/${file}`, file],
    columns: { first: ['#1 string'], second: ['#2 string'], label: ['quality'], language: [''] },
    classNames: ['different', 'equivalent'],
    labels: [['0'], ['1']],
    isPair: true,
  };
  return load(source, layout, options);
}

async function load(source: string, layout: Layout, { onProblem }: TextOptions): Promise<TextDataset> {
  const report = reportOnce(onProblem);
  const file = await readTextFile(source, layout.paths);
  const rows = readTable(file, layout.columns, report);
  const examples = rows.flatMap((row) => exampleOf(row, layout, report) ?? []);
  if (examples.length === 0) throw corruptFile(file.name, emptyReason(file, layout));
  return { name: layout.name, classNames: layout.classNames, examples };
}

function emptyReason({ text }: TextFile, { language }: Layout): string {
  if (text.trim() === '') return 'it is empty';
  return language === undefined ? 'no row of it can be used' : `it has no row for the language ${language}`;
}

function exampleOf({ at, cells }: TableRow<Key>, layout: Layout, report: Report): TextExample | undefined {
  const { first, second, label: said, language } = cells;
  if (language !== '' && layout.language !== undefined && language !== layout.language) return undefined;
  const label = layout.labels.findIndex((names) => names.includes(said));
  const isEmpty = first === '' || (layout.isPair && second === '');
  if (label >= 0 && !isEmpty) return layout.isPair ? { first, second, label } : { first, label };
  report(at, isEmpty ? 'a text is empty; the row is left out' : `there is no class "${said}"; the row is left out`);
  return undefined;
}
