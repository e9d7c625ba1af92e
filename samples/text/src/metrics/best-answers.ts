import type { Question, QuestionWindow } from '@nncf/datasets';

/** Limits of the search for an answer, as BERT's authors set them. */
export interface AnswerLimits {
  /** First and last tokens that are tried, best first. @default 20 */
  readonly candidates?: number;
  /** Tokens of an answer. @default 30 */
  readonly longest?: number;
}

/** What a network says of one window: a logit for every token to be the first, and to be the last. */
export type WindowLogits = readonly [first: Float32Array, last: Float32Array];

interface Candidate {
  readonly score: number;
  readonly window: QuestionWindow;
  readonly first: number;
  readonly last: number;
}

/**
 * The best answer to every question: the span with the highest sum of logits among all windows of its context; undefined where no window allows
 * one. An answer begins where its window is the best one to see it, and does not end before it begins.
 */
export function bestAnswers(
  questions: readonly Question[],
  windows: readonly QuestionWindow[],
  logits: readonly WindowLogits[],
  limits: AnswerLimits = {},
): readonly (string | undefined)[] {
  const best = new Map<number, Candidate>();
  windows.forEach((window, i) => {
    const found = bestSpan(window, logits[i]!, limits);
    const before = best.get(window.question);
    if (found !== undefined && (before === undefined || found.score > before.score)) best.set(window.question, found);
  });
  return questions.map(({ context }, place) => {
    const found = best.get(place);
    return found && context.slice(found.window.starts[found.first], found.window.ends[found.last]);
  });
}

function bestSpan(
  window: QuestionWindow,
  [first, last]: WindowLogits,
  { candidates = 20, longest = 30 }: AnswerLimits,
): Candidate | undefined {
  const size = window.ids.length;
  let best: Candidate | undefined;
  for (const start of highest(first, size, candidates)) {
    if (window.best[start] !== 1) continue;
    for (const end of highest(last, size, candidates)) {
      if (window.ends[end] === -1 || end < start || end - start >= longest) continue;
      const score = first[start]! + last[end]!;
      if (best === undefined || score > best.score) best = { score, window, first: start, last: end };
    }
  }
  return best;
}

/** Places of the highest values among the first `size`. */
function highest(values: Float32Array, size: number, count: number): number[] {
  return Array.from({ length: size }, (_, place) => place)
    .toSorted((a, b) => values[b]! - values[a]!)
    .slice(0, count);
}
