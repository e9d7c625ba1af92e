import { overlap, type Corners } from './boxes.ts';

/** Found objects of a picture, the surest first. */
export interface Detections {
  /** `[found, 4]`: top, left, bottom, right as shares of the picture. */
  readonly boxes: Corners;
  readonly scores: Float32Array;
  readonly labels: Int32Array;
}

/** Which boxes remain. */
export interface SelectionOptions {
  /** Boxes of a lower score, or of this one, are left out. @default 0.01 */
  readonly scoreThreshold?: number;
  /** Of two boxes of a class with a larger intersection over union the surer one remains. @default 0.45 */
  readonly overlapThreshold?: number;
  /** At most so many boxes a picture, and a class. @default 100 */
  readonly limit?: number;
}

/** Options with defaults filled in. */
export type Selection = Required<SelectionOptions>;

/** The thresholds of SSD's publication (section 2.2), and as many boxes as COCO's metric looks at. */
export function selectionOf({ scoreThreshold = 0.01, overlapThreshold = 0.45, limit = 100 }: SelectionOptions = {}): Selection {
  return { scoreThreshold, overlapThreshold, limit };
}

/**
 * Non-maximum suppression class by class, then the surest boxes of all classes, cut off at the picture's edges.
 * @param boxes `[anchors, 4]`, edges
 * @param scores `[anchors, classes]`; class 0 is the background
 */
export function selectDetections(boxes: Corners, scores: Float32Array, classes: number, options: SelectionOptions = {}): Detections {
  const selection = selectionOf(options);
  const found: { anchor: number; label: number; score: number }[] = [];
  for (let label = 1; label < classes; label++)
    for (const anchor of suppress(boxes, column(scores, label, classes), selection))
      found.push({ anchor, label, score: scores[anchor * classes + label]! });
  // Sorting is stable: of equal scores the lower class comes first, as in ONNX's TopK.
  const surest = found.sort((a, b) => b.score - a.score).slice(0, selection.limit);
  return {
    boxes: Float32Array.from(
      surest.flatMap(({ anchor }) => [0, 1, 2, 3].map((edge) => Math.min(Math.max(boxes[4 * anchor + edge]!, 0), 1))),
    ),
    scores: Float32Array.from(surest, ({ score }) => score),
    labels: Int32Array.from(surest, ({ label }) => label),
  };
}

function column(scores: Float32Array, label: number, classes: number): Float32Array {
  const one = new Float32Array(scores.length / classes);
  for (let anchor = 0; anchor < one.length; anchor++) one[anchor] = scores[anchor * classes + label]!;
  return one;
}

/**
 * Non-maximum suppression: the surest box remains and takes those that overlap it too much with it, then the surest of the rest, and so on.
 * @returns places of the boxes that remain, the surest first
 */
export function suppress(boxes: Corners, scores: Float32Array, { scoreThreshold, overlapThreshold, limit }: Selection): number[] {
  const candidates: number[] = [];
  for (let box = 0; box < scores.length; box++) if (scores[box]! > scoreThreshold) candidates.push(box);
  const kept: number[] = [];
  for (const box of candidates.sort((a, b) => scores[b]! - scores[a]!)) {
    if (kept.length >= limit) break;
    if (kept.every((surer) => overlap(boxes, surer, boxes, box) <= overlapThreshold)) kept.push(box);
  }
  return kept;
}
