import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createWordPiece,
  encodeTexts,
  loadWordPiece,
  mrpc,
  questionWindows,
  sharedFile,
  squad,
  sst2,
  tokenArrays,
  tokenBatches,
  xnli,
  type EncodedText,
  type Question,
} from '../src/index.ts';
import { batchOrder } from '../src/text/order.ts';
import { wordsOf } from '../src/text/words.ts';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-text-'));
});
afterAll(() => rm(folder, { recursive: true }));

const problems: string[] = [];
const onProblem = (file: string, reason: string): void => void problems.push(`${file.replace(`${folder}/`, '')}: ${reason}`);

/** Writes a file and forgets earlier problems. */
async function given(name: string, text: string): Promise<void> {
  problems.length = 0;
  await writeFile(join(folder, name), text);
}

const VOCABULARY = '[PAD] [UNK] [CLS] [SEP] want ##want ##ed wa un runn ##ing , low ##est . ( ) cafe 中 a b c d e f'.split(' ');
const wordPiece = createWordPiece(VOCABULARY);
const pieces = (text: string): string[] => wordPiece.pieces(text).map((id) => VOCABULARY[id]!);
const shownIds = (ids: Int32Array): string => Array.from(ids, (id) => VOCABULARY[id]).join(' ');

describe('tables of texts', () => {
  it('are read with a byte-order mark, carriage returns, quotation marks and empty lines', async () => {
    await given('train.tsv', '\uFEFFlabel\tsentence\r\n1\tgood "film\r\n\r\n0\t bad \r\n');
    const { examples, classNames, name } = await sst2(folder, 'train', { onProblem });
    expect(examples).toEqual([
      { first: 'good "film', label: 1 },
      { first: 'bad', label: 0 },
    ]);
    expect([name, ...classNames, ...problems]).toEqual(['sst2 train', 'negative', 'positive']);
  });

  it('report broken rows by file and line, once, and go on', async () => {
    await given('dev.tsv', 'label\tcontent\n1\tgood\n1\n2\tunknown\n0\t\n0\tbad\textra\n0\tbad\n');
    const { examples } = await sst2(folder, 'dev', { onProblem });
    expect(examples.map(({ first }) => first)).toEqual(['good', 'bad']);
    expect(problems).toEqual([
      'dev.tsv:3: it has 1 cells, not 2; the row is left out',
      'dev.tsv:6: it has 3 cells, not 2; the row is left out',
      'dev.tsv:4: there is no class "2"; the row is left out',
      'dev.tsv:5: a text is empty; the row is left out',
    ]);
  });

  it('of XNLI as published are filtered by language, those of MultiNLI have labels of their own', async () => {
    await given('xnli.test.tsv', 'language\tgold_label\tsentence1\tsentence2\nde\tneutral\tja\tnein\nzh\tentailment\ta\tb\n');
    await given('multinli.train.zh.tsv', 'premise\thypo\tlabel\nc\td\tcontradictory\n');
    expect((await xnli(folder, 'test')).examples).toEqual([{ first: 'a', second: 'b', label: 1 }]);
    expect((await xnli(folder, 'train')).examples).toEqual([{ first: 'c', second: 'd', label: 0 }]);
    await expect(xnli(folder, 'test', { language: 'fr' })).rejects.toThrow(/no row for the language fr/);
  });

  it('of MRPC are found in an archive too', async () => {
    await given('msr_paraphrase_train.txt', '\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t7\t8\tHe said "no".\tHe refused.\n');
    await create({ file: join(folder, 'pack.tar'), cwd: folder }, ['msr_paraphrase_train.txt']);
    const expected = [{ first: 'He said "no".', second: 'He refused.', label: 1 }];
    expect((await mrpc(folder, 'train')).examples).toEqual(expected);
    expect((await mrpc(join(folder, 'pack.tar'), 'train')).examples).toEqual(expected);
    await expect(mrpc(join(folder, 'pack.tar'), 'test')).rejects.toMatchObject({ code: 'DATASET_MISSING' });
  });

  it.each<[string, string, RegExp]>([
    ['an empty file', '', /names no column/],
    ['a missing column', 'label\ttext\n1\tgood\n', /train\.tsv: line 1 names no column for the first: there are label, text/],
    ['no row that can be used', 'label\tsentence\n7\tgood\n', /train\.tsv: no row of it can be used/],
  ])('are refused for %s', async (_, text, message) => {
    await given('train.tsv', text);
    await expect(sst2(folder, 'train', { onProblem })).rejects.toThrow(message);
  });

  const pack = sharedFile('data/text.tar');
  it.skipIf(pack === undefined)('of the shared pack have the rows that its README counts (needs the shared data folder)', async () => {
    problems.length = 0;
    const sizes = [
      await sst2(pack!, 'dev', { onProblem }),
      await sst2(pack!, 'test', { onProblem }),
      await xnli(pack!, 'dev', { onProblem }),
      await xnli(pack!, 'test', { onProblem }),
      await mrpc(pack!, 'train', { onProblem }),
      await mrpc(pack!, 'test', { onProblem }),
    ].map(({ examples }) => examples.length);
    expect([...sizes, ...problems]).toEqual([872, 1821, 2490, 5010, 4076, 1725]);
    const { pieces: split, size } = await loadWordPiece(pack!);
    expect([size, ...split('This is a wonderful movie!')]).toEqual([30_522, 2023, 2003, 1037, 6919, 3185, 999]);
  });
});

describe('word pieces', () => {
  it('are the longest of the vocabulary from the left, in small letters without accents', () => {
    expect(pieces('UNwanted running, lowest.')).toEqual(['un', '##want', '##ed', 'runn', '##ing', ',', 'low', '##est', '.']);
    expect(pieces('Café 中a中 zzz')).toEqual(['cafe', '中', 'a', '中', '[UNK]']);
    expect(pieces('a\u0000\u200b b\u00a0c')).toEqual(['a', 'b', 'c']);
    expect(pieces('')).toEqual([]);
  });

  it('of special names are none in a text', () => {
    expect(pieces('[SEP]')).toEqual(['[UNK]', '[UNK]', '[UNK]']);
    expect(() => createWordPiece(['[PAD]', '[UNK]', '[CLS]'])).toThrow(/the vocabulary: it has no line \[SEP\]/);
  });

  it('have the words that questions are cut into', () => {
    const text = 'Low (lowest),\n中a café—x';
    expect(wordsOf(text).map((word) => word.text)).toEqual(['Low', '(', 'lowest', ')', ',', '中', 'a', 'café', '—', 'x']);
    for (const { text: word, start, end } of wordsOf(text)) expect(text.slice(start, end)).toBe(word);
    expect(wordsOf(text).flatMap(({ text: word }) => pieces(word))).toEqual(pieces(text));
  });
});

describe('encoding', () => {
  const shown = ([text]: readonly EncodedText[]): string => shownIds(text!.ids);

  it('puts start and ends around texts, and says which is which', () => {
    const [single] = encodeTexts([{ first: 'a b', label: 0 }], wordPiece, 8);
    expect([shown([single!]), ...single!.types]).toEqual(['[CLS] a b [SEP]', 0, 0, 0, 0]);
    const [pair] = encodeTexts([{ first: 'a', second: 'b c', label: 0 }], wordPiece, 8);
    expect([shown([pair!]), ...pair!.types]).toEqual(['[CLS] a [SEP] b c [SEP]', 0, 0, 0, 1, 1, 1]);
  });

  it.each([
    ['a b c d', 'e f', 8, '[CLS] a b c [SEP] e f [SEP]'],
    ['a b c d', 'e f', 6, '[CLS] a b [SEP] e [SEP]'],
    ['a', 'b c d e', 6, '[CLS] a [SEP] b c [SEP]'],
    ['a b c', 'd e f', 7, '[CLS] a b [SEP] d e [SEP]'],
  ])('shortens the longer of %s / %s to %d pieces', (first, second, length, expected) => {
    expect(shown(encodeTexts([{ first, second, label: 0 }], wordPiece, length))).toBe(expected);
  });
});

describe('batches', () => {
  const text = (count: number): EncodedText => ({ ids: new Int32Array(count).fill(7), types: new Int32Array(count) });

  it('are padded to the length, or to the longest text rounded up', () => {
    const texts = [text(2), text(3)];
    const [fixed] = tokenArrays(texts, { batchSize: 2, length: 4, pad: 9 });
    expect(fixed).toEqual({
      ids: Int32Array.of(7, 7, 9, 9, 7, 7, 7, 9),
      mask: Int32Array.of(1, 1, 0, 0, 1, 1, 1, 0),
      types: new Int32Array(8),
      shape: [2, 4],
      indices: Int32Array.of(0, 1),
    });
    const lengths = (options: object): number[] =>
      [...tokenArrays([text(2), text(9), text(17)], { batchSize: 1, length: 20, padTo: 'longest', ...options })].map(
        ({ shape }) => shape[1],
      );
    expect([lengths({}), lengths({ padTo: 'length' })]).toEqual([
      [8, 16, 20],
      [20, 20, 20],
    ]);
    expect(() => tokenArrays([text(5)], { batchSize: 1, length: 4 })).toThrow(/a text of 5 word pieces does not fit into 4/);
    expect(() => tokenArrays([text(1)], { batchSize: 0, length: 4 })).toThrow(/batchSize 0/);
  });

  it('hold every text once, in an order of their own in every epoch, with like lengths together on request', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 7 }), fc.boolean(), fc.boolean(), (all, batchSize, shuffle, groupByLength) => {
        const batches = batchOrder(Int32Array.from(all), { batchSize, shuffle, groupByLength, seed: 3 });
        expect(batches.flatMap((each) => [...each]).toSorted((a, b) => a - b)).toEqual(all.map((_, i) => i));
        expect(batches.filter(({ length }) => length !== batchSize).length).toBeLessThanOrEqual(1);
      }),
    );
    const mixed = Int32Array.from({ length: 64 }, (_, i) => (i * 37) % 64);
    const spread = (groupByLength: boolean): number =>
      Math.max(
        ...batchOrder(mixed, { batchSize: 8, shuffle: true, groupByLength }).map((batch) => {
          const own = [...batch].map((place) => mixed[place]!);
          return Math.max(...own) - Math.min(...own);
        }),
      );
    expect(spread(true)).toBe(7);
    expect(spread(false)).toBeGreaterThan(20);
    const epoch = (number: number): string => batchOrder(mixed, { batchSize: 8, shuffle: true, epoch: number, dropRemainder: true }).join();
    expect(epoch(0)).toBe(epoch(0));
    expect(epoch(0)).not.toBe(epoch(1));
  });

  it('as tensors are gone when the next one comes', async () => {
    const batches = tokenBatches([text(2), text(3)], (indices) => tf.tensor1d(indices, 'int32'), { batchSize: 1, length: 3 });
    const before = tf.memory().numTensors;
    const seen: unknown[] = [];
    for await (const { xs, ys } of batches) {
      expect(tf.memory().numTensors).toBe(before + 4);
      seen.push([xs.map(({ shape, dtype }) => `${dtype}[${shape.join()}]`), await ys.data()]);
    }
    const kinds = ['int32[1,3]', 'int32[1,3]', 'int32[1,3]'];
    expect(seen).toEqual([0, 1].map((place) => [kinds, Int32Array.of(place)]));
    expect([batches.size, tf.memory().numTensors]).toEqual([2, before]);
  });
});

describe('questions', () => {
  const CONTEXT = 'a b (c), d e f.';
  const qa = { id: '1', question: 'want a', answers: [{ text: 'c', answer_start: 5 }] };
  const file = (...qas: unknown[]): string =>
    JSON.stringify({ version: '1.1', data: [{ title: 't', paragraphs: [{ context: CONTEXT, qas }] }] });

  it('are read, and what is broken is reported by file and place', async () => {
    const wrong = { ...qa, id: '3', answers: [{ text: 'c', answer_start: 4 }] };
    await given('train-v1.1.json', file(qa, { ...qa, id: 2 }, wrong, { ...qa, id: '4', answers: [] }));
    const { questions } = await squad(folder, 'train', { onProblem });
    expect(questions.map(({ id, answers }) => [id, answers])).toEqual([
      ['1', [{ text: 'c', start: 5 }]],
      ['4', []],
    ]);
    expect(problems).toEqual([
      expect.stringMatching(/^train-v1\.1\.json#\/data\/0\/paragraphs\/0\/qas\/1: \/id: .*; the question is left out$/),
      'train-v1.1.json#/data/0/paragraphs/0/qas/2: "c" does not stand at character 4; the answer is left out',
    ]);
  });

  it.each([
    ['no JSON', '{', /dev\.json: it is no JSON/],
    ['another layout', '{"data": 1}', /dev\.json: \/data: /],
    ['no question', file(), /dev\.json: it has no question/],
  ])('are refused for %s', async (_, text, message) => {
    await given('dev.json', text);
    await expect(squad(folder, 'dev')).rejects.toThrow(message);
  });

  const question = (answer: string): Question => ({
    id: '1',
    question: 'want a',
    context: CONTEXT,
    answers: [{ text: answer, start: CONTEXT.indexOf(answer) }],
  });

  it('that fit are one window, with the answer and the characters of every piece', () => {
    const [window, ...others] = questionWindows([question('(c), d')], wordPiece);
    expect(others).toEqual([]);
    expect(shownIds(window!.ids)).toBe('[CLS] want a [SEP] a b ( c ) , d e f . [SEP]');
    expect(window!.answer).toEqual([6, 10]);
    const [first, last] = window!.answer;
    expect(CONTEXT.slice(window!.starts[first], window!.ends[last])).toBe('(c), d');
    expect(window!.starts.slice(0, 5)).toEqual(Int32Array.of(-1, -1, -1, -1, 0));
    expect(window!.best.join('')).toBe('000011111111110');
  });

  it('narrow an answer to its own pieces within a word', () => {
    const lowest: Question = { id: '1', question: 'a', context: 'unwanted', answers: [{ text: 'un', start: 0 }] };
    expect(questionWindows([lowest], wordPiece)[0]!.answer).toEqual([3, 3]);
  });

  it('with a long context are windows that overlap; a piece is best where most is around it', () => {
    const windows = questionWindows([question('d')], wordPiece, { length: 10, stride: 3, questionLength: 2 });
    const context = windows.map(({ ids }) => shownIds(ids.slice(4, -1)));
    // Room for five of ten pieces: a b ( c ) , d e f .
    expect(context).toEqual(['a b ( c )', 'c ) , d e', 'd e f .']);
    expect(windows.map(({ answer }) => answer)).toEqual([
      [0, 0],
      [7, 7],
      [4, 4],
    ]);
    // Smaller side of `c`: 1 in the first window, 0 in the second; of `d`: 1 and 0; of `e`: 0 and 1.
    expect(windows.map(({ best }) => best.slice(4, -1).join(''))).toEqual(['11110', '01110', '0111']);
  });

  it('need room for a window', () => {
    expect(() => questionWindows([], wordPiece, { length: 5, questionLength: 3 })).toThrow(/windows of 5 with a question of 3/);
  });
});
