import type { Question } from '@nncf/datasets';

/** How good answers are, 0 … 1, as SQuAD's official script measures it (Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1). */
export interface AnswerScore {
  /** Share of answers that are one of the given ones. */
  readonly exactMatch: number;
  /** Mean overlap with the given answer that is nearest. */
  readonly f1: number;
}

/** Punctuation of ASCII. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** Whole words; letters and digits of any script are part of a word. */
const ARTICLES = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** Small letters, without punctuation, articles and needless space. */
export function normalizeAnswer(text: string): string {
  return text.toLowerCase().replace(PUNCTUATION, '').replace(ARTICLES, ' ').split(/\s+/).filter(Boolean).join(' ');
}

/** Whether an answer is one of the given ones. */
export function isExact(prediction: string, truths: readonly string[]): boolean {
  return truths.some((truth) => normalizeAnswer(truth) === normalizeAnswer(prediction));
}

/** F1 of the words that an answer shares with the given one that is nearest; a word counts as often as it stands in both. */
export function answerF1(prediction: string, truths: readonly string[]): number {
  return Math.max(0, ...truths.map((truth) => f1(wordsIn(prediction), wordsIn(truth))));
}

/** Mean scores over all questions; one that has no answer counts as wrong. */
export function scoreAnswers(predictions: readonly (string | undefined)[], questions: readonly Question[]): AnswerScore {
  const truths = questions.map(({ answers }) => answers.map(({ text }) => text));
  const mean = (score: (prediction: string, truths: readonly string[]) => number): number =>
    questions.reduce((sum, _, i) => sum + (predictions[i] === undefined ? 0 : score(predictions[i], truths[i]!)), 0) / questions.length;
  return { exactMatch: mean((prediction, own) => Number(isExact(prediction, own))), f1: mean(answerF1) };
}

function wordsIn(text: string): string[] {
  return normalizeAnswer(text).split(' ').filter(Boolean);
}

function f1(prediction: readonly string[], truth: readonly string[]): number {
  const left = [...truth];
  const shared = prediction.filter((word) => {
    const place = left.indexOf(word);
    if (place >= 0) left.splice(place, 1);
    return place >= 0;
  }).length;
  return shared === 0 ? 0 : (2 * shared) / (prediction.length + truth.length);
}
