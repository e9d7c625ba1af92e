import { areaOf, intersection } from '../ssd/boxes.ts';
import { detectionsOfClass, envelope, mean, objectsOfClass, precisionCurve, type Answer, type ScoredPicture } from './scored-picture.ts';

/** Score of a detector by COCO, 0 … 1 each; −1 when no class occurs. */
export interface CocoScore {
  /** Average precision, the mean over intersections over union of 0.5, 0.55 … 0.95. */
  readonly ap: number;
  readonly ap50: number;
  readonly ap75: number;
  /** Average recall with as many answers as `limit` allows. */
  readonly ar: number;
}

/** 0.5, 0.55 … 0.95. */
const THRESHOLDS: readonly number[] = Array.from({ length: 10 }, (_, step) => step * ((0.95 - 0.5) / 9) + 0.5);
/** 0, 0.01 … 1; multiplied as the official program does it, for 7 / 100 is less than 7 · 0.01 in floating point. */
const RECALLS: readonly number[] = Array.from({ length: 101 }, (_, step) => (step === 100 ? 1 : step * 0.01));

/** Precision at each of {@link RECALLS}, and the highest recall. */
interface ClassCurve {
  readonly precisions: readonly number[];
  readonly recall: number;
}

/**
 * Average precision of COCO (Lin et al. 2014, arXiv 1405.0312, and its evaluation program): for objects of all sizes. An answer takes the free object of its class
 * that it overlaps best; crowds (`ignored`) can be found any number of times, and what finds them does not count.
 * @param classes number of classes, the background included
 * @param limit answers that count, of a class in a picture; the surest
 */
export function cocoScore(pictures: readonly ScoredPicture[], classes: number, limit = 100): CocoScore {
  const curves = THRESHOLDS.map((threshold) =>
    Array.from({ length: classes - 1 }, (_, place) => classCurve(pictures, place + 1, threshold, limit)).filter(
      (curve) => curve !== undefined,
    ),
  );
  const precision = (chosen: readonly (readonly ClassCurve[])[]): number => known(chosen.flat().flatMap(({ precisions }) => precisions));
  return {
    ap: precision(curves),
    ap50: precision(curves.slice(0, 1)),
    ap75: precision(curves.slice(5, 6)),
    ar: known(curves.flat().map(({ recall }) => recall)),
  };
}

function known(values: readonly number[]): number {
  return values.length === 0 ? -1 : mean(values);
}

/** Undefined where the class does not occur. */
function classCurve(pictures: readonly ScoredPicture[], label: number, threshold: number, limit: number): ClassCurve | undefined {
  const total = pictures.reduce(
    (sum, picture) => sum + objectsOfClass(picture, label).filter((place) => picture.objects.ignored[place] !== 1).length,
    0,
  );
  if (total === 0) return undefined;
  const { recall, precision } = precisionCurve(
    pictures.flatMap((picture) => judge(picture, label, threshold, limit)),
    total,
  );
  const highest = envelope(precision);
  const precisions = RECALLS.map((level) => highest[recall.findIndex((value) => value >= level)] ?? 0);
  return { precisions, recall: recall.at(-1) ?? 0 };
}

function judge(picture: ScoredPicture, label: number, threshold: number, limit: number): Answer[] {
  const { objects, detections } = picture;
  // Objects that count come first: an answer falls back on a crowd only when it fits none of them.
  const places = objectsOfClass(picture, label).sort((a, b) => objects.ignored[a]! - objects.ignored[b]!);
  const found = new Set<number>();
  return detectionsOfClass(picture, label)
    .slice(0, limit)
    .map((answer) => {
      const taken = takenObject(picture, places, answer, found, threshold);
      if (taken !== undefined) found.add(taken);
      const isRight = taken === undefined ? false : objects.ignored[taken] === 1 ? undefined : true;
      return { score: detections.scores[answer]!, isRight };
    });
}

function takenObject(
  picture: ScoredPicture,
  places: readonly number[],
  answer: number,
  found: ReadonlySet<number>,
  threshold: number,
): number | undefined {
  const { objects } = picture;
  let best = Math.min(threshold, 1 - 1e-10);
  let taken: number | undefined;
  for (const place of places) {
    const isCrowd = objects.ignored[place] === 1;
    if (!isCrowd && found.has(place)) continue;
    if (isCrowd && taken !== undefined && objects.ignored[taken] !== 1) break;
    const share = overlapWith(picture, answer, place);
    if (share < best) continue;
    best = share;
    taken = place;
  }
  return taken;
}

/** Intersection over union, over the answer's own area for a crowd. */
function overlapWith({ objects, detections }: ScoredPicture, answer: number, place: number): number {
  const shared = intersection(detections.boxes, answer, objects.boxes, place);
  const own = areaOf(detections.boxes, answer);
  const union = objects.ignored[place] === 1 ? own : own + areaOf(objects.boxes, place) - shared;
  return union > 0 ? shared / union : 0;
}
