import { createWordPiece, questionWindows, type Question } from '@nncf/datasets';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bestAnswers, type WindowLogits } from '../src/metrics/best-answers.ts';
import { answerF1, isExact, normalizeAnswer, scoreAnswers } from '../src/metrics/squad.ts';

describe('SQuAD: an answer', () => {
  it.each([
    ['The Norman Conquest', 'norman conquest'],
    ['  a  cat,\tan owl\nand the dog. ', 'cat owl and dog'],
    ['U.S.A.', 'usa'],
    ['$5.5-million', '55million'],
    ['theatre another Athena', 'theatre another athena'],
    ['"The" (a)', ''],
    ['“quoted” — dash', '“quoted” — dash'],
    ['à la carte, the éa', 'à la carte éa'],
  ])('%j is compared as %j', (text, expected) => {
    expect(normalizeAnswer(text)).toBe(expected);
  });

  it('is exact where it is one of the given ones', () => {
    expect(isExact('The Denver Broncos!', ['Carolina', 'denver broncos'])).toBe(true);
    expect(isExact('Denver', ['denver broncos'])).toBe(false);
    expect(isExact('Denver', [])).toBe(false);
  });

  // 2 · shared / (words of the answer + words of the given one).
  it.each([
    ['Denver Broncos', ['the Denver Broncos'], 1],
    ['Denver', ['Denver Broncos'], 2 / 3],
    ['in Denver', ['Denver Broncos'], 2 / 4],
    ['dog dog cat', ['dog cat cat'], 4 / 6],
    ['Denver', ['Carolina', 'Denver Broncos', 'Denver city of the Broncos'], 2 / 3],
    ['Denver', ['Carolina'], 0],
    ['the', ['the'], 0],
    ['Denver', [], 0],
  ])('%j against %j has F1 %d', (prediction, truths, expected) => {
    expect(answerF1(prediction, truths)).toBeCloseTo(expected, 12);
  });

  it('has an F1 from 0 to 1, 1 where it is exact and has words, the same from both sides', () => {
    const words = fc.array(fc.constantFrom('the', 'cat', 'dog', 'a', 'Owl', 'fox.'), { maxLength: 6 }).map((all) => all.join(' '));
    fc.assert(
      fc.property(words, words, (a, b) => {
        const f1 = answerF1(a, [b]);
        expect(f1).toBeGreaterThanOrEqual(0);
        expect(f1).toBeLessThanOrEqual(1);
        expect(f1).toBe(answerF1(b, [a]));
        if (isExact(a, [b]) && normalizeAnswer(a) !== '') expect(f1).toBe(1);
      }),
    );
  });

  it('that is missing counts as wrong', () => {
    const question = (id: string): Question => ({ id, question: '?', context: 'x', answers: [{ text: 'Denver Broncos', start: 0 }] });
    const score = scoreAnswers(['Denver Broncos', 'Denver', undefined], ['1', '2', '3'].map(question));
    expect(score).toEqual({ exactMatch: 1 / 3, f1: (1 + 2 / 3) / 3 });
  });
});

describe('the best answer', () => {
  const wordPiece = createWordPiece('[PAD] [UNK] [CLS] [SEP] q a b c d e ( )'.split(' '));
  const question: Question = { id: '1', question: 'q', context: 'a b (c) d e', answers: [] };
  const windows = questionWindows([question], wordPiece);
  /** [CLS] q [SEP] a b ( c ) d e [SEP]: values of first and last by place. */
  const logits = (first: Record<number, number>, last: Record<number, number>): WindowLogits => {
    const row = (values: Record<number, number>): Float32Array => Float32Array.from({ length: 11 }, (_, i) => values[i] ?? -9);
    return [row(first), row(last)];
  };
  const best = (first: Record<number, number>, last: Record<number, number>, limits = {}): string | undefined =>
    bestAnswers([question], windows, [logits(first, last)], limits)[0];

  it.each<[string, Record<number, number>, Record<number, number>, string]>([
    ['the highest sum', { 3: 2, 6: 3 }, { 4: 4, 6: 2 }, 'a b'],
    ['a part of a word between spaces', { 6: 5 }, { 6: 5 }, 'c'],
    ['no end before its start', { 8: 9 }, { 4: 9, 9: 1 }, 'd e'],
    ['nothing in the question', { 1: 9, 4: 1 }, { 1: 9, 2: 8, 8: 1 }, 'b (c) d'],
  ])('has %s', (_, first, last, expected) => {
    expect(best(first, last)).toBe(expected);
  });

  it('is no longer than allowed, and among the candidates', () => {
    expect(best({ 3: 5, 8: 1 }, { 9: 5 }, { longest: 3 })).toBe('d e');
    expect(best({ 0: 9, 3: 5 }, { 9: 5 }, { candidates: 1 })).toBeUndefined();
  });

  it('is that of the window which is sure of it', () => {
    // a b ( c, and c ) d e.
    const two = questionWindows([question], wordPiece, { length: 8, stride: 3, questionLength: 1 });
    const flat = (value: number): WindowLogits => [new Float32Array(8).fill(value), new Float32Array(8).fill(value)];
    const sure = flat(0);
    [sure[0][5], sure[1][6]] = [3, 3];
    expect(bestAnswers([question], two, [flat(1), sure])).toEqual(['d e']);
    expect(bestAnswers([question], two, [flat(4), sure])).toEqual(['a']);
  });
});
