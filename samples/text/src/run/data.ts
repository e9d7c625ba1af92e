import { existsSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { loadWordPiece, mrpc, sharedFile, squad, sst2, xnli, type TextDataset, type WordPiece } from '@nncf/datasets';
import { badSetting } from '@nncf/sample-training';
import { answering } from '../problems/answering.ts';
import { classification } from '../problems/classification.ts';
import type { Problem } from '../problems/problem.ts';
import type { Settings } from '../settings/settings.ts';

/** A problem, and the vocabulary that its texts are written in. */
export interface Data {
  readonly problem: Problem;
  readonly wordPiece: WordPiece;
}

/**
 * Opens a dataset: `sst2`, `xnli`, `mrpc`, `squad`.
 * @param needsTraining whether the training part is read
 * @throws NncfError `CONFIG_INVALID` for another name; `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function openData(settings: Settings, needsTraining: boolean): Promise<Data> {
  const { length, trainSize, testSize } = settings;
  const source = settings.data ?? sharedFile('data/text.tar');
  if (source === undefined) throw badSetting('no data are given', 'Give --data, the folder of the texts or a tar file of it.');
  const wordPiece = await vocabularyOf(source, settings);
  if (settings.dataset === 'squad') {
    const read = async (split: 'train' | 'dev', size: number | undefined): Promise<Awaited<ReturnType<typeof squad>>> => {
      const { name, questions } = await squad(source, split);
      return { name, questions: questions.slice(0, size) };
    };
    const train = needsTraining ? await read('train', trainSize) : undefined;
    return { wordPiece, problem: answering(train, await read('dev', testSize), wordPiece, settings.windows) };
  }
  const { train, test } = partsOf(settings, source);
  const learned = needsTraining ? cut(await train(), trainSize) : undefined;
  return { wordPiece, problem: classification(learned, cut(await test(), testSize), wordPiece, length) };
}

interface Parts {
  train(): Promise<TextDataset>;
  test(): Promise<TextDataset>;
}

/** Parts of the data of single texts and pairs; GLUE's test parts have no labels, so SST-2 is evaluated on dev. */
function partsOf({ dataset, language, split }: Settings, source: string): Parts {
  switch (dataset) {
    case 'sst2':
      return { train: () => sst2(source, 'train'), test: () => sst2(source, split ?? 'dev') };
    case 'xnli':
      return { train: () => xnli(source, 'train', { language }), test: () => xnli(source, split ?? 'test', { language }) };
    case 'mrpc':
      return { train: () => mrpc(source, 'train'), test: () => mrpc(source, 'test') };
    default:
      throw badSetting(`there is no dataset called ${dataset}`, 'Known are sst2, xnli, mrpc and squad.');
  }
}

/** The vocabulary of the settings: a file, or one that lies with the data. */
function vocabularyOf(source: string, { vocabulary, lowerCase }: Settings): Promise<WordPiece> {
  if (vocabulary !== undefined && existsSync(vocabulary)) return loadWordPiece(dirname(vocabulary), basename(vocabulary), { lowerCase });
  return loadWordPiece(source, vocabulary, { lowerCase });
}

function cut(data: TextDataset, size: number | undefined): TextDataset {
  return size === undefined ? data : { ...data, examples: data.examples.slice(0, size) };
}
