import { overlap } from '../ssd/boxes.ts';
import { detectionsOfClass, envelope, mean, objectsOfClass, precisionCurve, type Answer, type ScoredPicture } from './scored-picture.ts';

/** How precision is averaged over recall: at 0, 0.1 … 1 (2007), or under the whole curve (since 2010). */
export type VocAverage = '11-point' | 'area';

/** Score of a detector by Pascal VOC. */
export interface VocScore {
  /** Mean of the average precisions of the classes that occur, 0 … 1; NaN when none does. */
  readonly map: number;
  /** Average precision of every class by its label; undefined where the class does not occur. */
  readonly classes: readonly (number | undefined)[];
}

/**
 * Mean average precision of Pascal VOC (Everingham et al. 2010, sections 3.4 and 4.2). An answer is right when the object of its class that it overlaps best has
 * an intersection over union of at least 0.5 with it and was not found before; answers on `difficult` objects do not count.
 * @param classes number of classes, the background included
 */
export function vocScore(pictures: readonly ScoredPicture[], classes: number, average: VocAverage = 'area', threshold = 0.5): VocScore {
  const precisions = Array.from({ length: classes }, (_, label) =>
    label === 0 ? undefined : classPrecision(pictures, label, average, threshold),
  );
  return { map: mean(precisions.filter((value) => value !== undefined)), classes: precisions };
}

function classPrecision(pictures: readonly ScoredPicture[], label: number, average: VocAverage, threshold: number): number | undefined {
  const total = pictures.reduce(
    (sum, picture) => sum + objectsOfClass(picture, label).filter((place) => picture.objects.ignored[place] !== 1).length,
    0,
  );
  if (total === 0) return undefined;
  const answers = pictures.flatMap((picture) => judge(picture, label, threshold));
  const { recall, precision } = precisionCurve(answers, total);
  return average === 'area' ? areaUnder(recall, envelope(precision)) : elevenPoints(recall, precision);
}

function judge(picture: ScoredPicture, label: number, threshold: number): Answer[] {
  const { objects, detections } = picture;
  const places = objectsOfClass(picture, label);
  const found = new Set<number>();
  return detectionsOfClass(picture, label).map((answer) => {
    const overlaps = places.map((place) => overlap(detections.boxes, answer, objects.boxes, place));
    const best = overlaps.indexOf(Math.max(...overlaps));
    const score = detections.scores[answer]!;
    if (best < 0 || overlaps[best]! < threshold) return { score, isRight: false };
    if (objects.ignored[places[best]!] === 1) return { score, isRight: undefined };
    const isRight = !found.has(best);
    found.add(best);
    return { score, isRight };
  });
}

function areaUnder(recall: readonly number[], precision: readonly number[]): number {
  return recall.reduce((sum, value, place) => sum + (value - (recall[place - 1] ?? 0)) * precision[place]!, 0);
}

function elevenPoints(recall: readonly number[], precision: readonly number[]): number {
  const at = (level: number): number => Math.max(0, ...precision.filter((_, place) => recall[place]! >= level));
  return mean(Array.from({ length: 11 }, (_, step) => at(step / 10)));
}
