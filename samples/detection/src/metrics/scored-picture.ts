import type { Objects } from '@nncf/datasets';
import type { Detections } from '../ssd/selection.ts';

/** A picture with what is in it and what was found; boxes of both in one unit, edges. */
export interface ScoredPicture {
  readonly objects: Pick<Objects, 'labels' | 'ignored'> & { readonly boxes: ArrayLike<number> };
  readonly detections: Pick<Detections, 'labels'> & { readonly boxes: ArrayLike<number>; readonly scores: ArrayLike<number> };
}

/** Places of the objects of a class. */
export function objectsOfClass({ objects }: ScoredPicture, label: number): number[] {
  return [...objects.labels.keys()].filter((place) => objects.labels[place] === label);
}

/** Places of what was found of a class, the surest first; of equal scores the earlier first. */
export function detectionsOfClass({ detections }: ScoredPicture, label: number): number[] {
  const places = [...detections.labels.keys()].filter((place) => detections.labels[place] === label);
  return places.sort((a, b) => detections.scores[b]! - detections.scores[a]!);
}

/** One answer in the order of its score. */
export interface Answer {
  readonly score: number;
  /** Whether it found an object; undefined where it does not count. */
  readonly isRight: boolean | undefined;
}

/** Recall and precision after every answer that counts, the surest first. */
export function precisionCurve(answers: readonly Answer[], total: number): { recall: number[]; precision: number[] } {
  let [right, wrong] = [0, 0];
  const recall: number[] = [];
  const precision: number[] = [];
  // Sorting is stable, as the official evaluations' is.
  for (const { isRight } of answers.toSorted((a, b) => b.score - a.score)) {
    if (isRight === undefined) continue;
    if (isRight) right += 1;
    else wrong += 1;
    recall.push(right / total);
    precision.push(right / (right + wrong));
  }
  return { recall, precision };
}

/** Each precision raised to the highest one at its recall or a higher one. */
export function envelope(precision: readonly number[]): number[] {
  let highest = 0;
  return precision
    .toReversed()
    .map((value) => (highest = Math.max(highest, value)))
    .toReversed();
}

/** Mean; NaN of nothing. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
