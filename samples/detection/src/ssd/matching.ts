import type { Objects } from '@nncf/datasets';
import { encodeBox } from './box-coder.ts';
import { cornersOf, overlap, type Corners } from './boxes.ts';

/** Anchors in both forms. */
export interface Anchors {
  /** `[anchors, 4]`: centre y, centre x, height, width. */
  readonly centred: Float32Array;
  /** `[anchors, 4]`: top, left, bottom, right. */
  readonly corners: Corners;
  readonly count: number;
}

/** What the network should say of each anchor of a picture. */
export interface AnchorTargets {
  /** Class of the anchor's object; 0 for none, −1 where no answer is asked for. */
  readonly labels: Int32Array;
  /** `[anchors, 4]`: the object's box against the anchor; 0 where there is none. */
  readonly encodings: Float32Array;
}

/** Overlaps (intersection over union) that decide. */
export interface MatchingOptions {
  /** From here on an anchor has the object. @default 0.5 */
  readonly threshold?: number;
  /** Below it an anchor is background; in between it is asked for no answer. @default the threshold */
  readonly background?: number;
}

/** Labels of all anchors of a batch, picture after picture. */
export function labelsOf(targets: readonly AnchorTargets[]): Int32Array {
  return Int32Array.from(targets.flatMap(({ labels }) => [...labels]));
}

/** Anchors from the zoo's form. */
export function anchorsOf(centred: Float32Array): Anchors {
  return { centred, corners: cornersOf(centred), count: centred.length / 4 };
}

/**
 * Matches anchors to objects (Liu et al. 2015, section 2.2): every object gets the anchor that it overlaps best, the best pair first, and every other anchor the
 * object with which it has an intersection over union of at least `threshold`. Objects that do not count (`ignored`) are matched by none; anchors that they
 * would have got are asked for no answer.
 */
export function matchAnchors(objects: Objects, anchors: Anchors, options: MatchingOptions = {}): AnchorTargets {
  const { threshold = 0.5, background = threshold } = options;
  const counted = [...objects.labels.keys()].filter((object) => objects.ignored[object] !== 1);
  const rows = counted.map((object) => ({ object, row: overlapsOf(objects.boxes, object, anchors.corners) }));
  const owners = nearestObjects(rows, anchors.count, threshold, background);
  for (const [object, anchor] of bestPairs(rows)) owners[anchor] = object;
  return targetsOf(objects, anchors, owners, threshold);
}

/** In place of an object: none, and neither an object nor none. */
const NONE = -1;
const UNDECIDED = -2;

/** For every anchor the object that it overlaps most, if that is enough. */
function nearestObjects(rows: readonly Row[], anchors: number, threshold: number, background: number): Int32Array {
  const owners = new Int32Array(anchors).fill(NONE);
  const best = new Float32Array(anchors);
  for (const { object, row } of rows)
    row.forEach((value, anchor) => {
      if (value < background || value <= best[anchor]!) return;
      best[anchor] = value;
      owners[anchor] = value >= threshold ? object : UNDECIDED;
    });
  return owners;
}

interface Row {
  readonly object: number;
  /** Overlap with every anchor. */
  readonly row: Float32Array;
}

function overlapsOf(boxes: Corners, object: number, anchors: Corners): Float32Array {
  const row = new Float32Array(anchors.length / 4);
  for (let anchor = 0; anchor < row.length; anchor++) row[anchor] = overlap(boxes, object, anchors, anchor);
  return row;
}

/** One anchor for every object that touches any, greedily. */
function bestPairs(rows: readonly Row[]): [object: number, anchor: number][] {
  const taken = new Set<number>();
  const open = rows.map((row) => ({ ...row, anchor: bestFree(row.row, taken) }));
  const pairs: [number, number][] = [];
  while (open.length > 0) {
    for (const entry of open) if (taken.has(entry.anchor)) entry.anchor = bestFree(entry.row, taken);
    const value = ({ row, anchor }: (typeof open)[number]): number => row[anchor] ?? 0;
    const first = open.reduce((a, b) => (value(b) > value(a) ? b : a));
    if (value(first) <= 0) break;
    taken.add(first.anchor);
    pairs.push([first.object, first.anchor]);
    open.splice(open.indexOf(first), 1);
  }
  return pairs;
}

function bestFree(row: Float32Array, taken: ReadonlySet<number>): number {
  let best = -1;
  for (let anchor = 0; anchor < row.length; anchor++) if ((best < 0 || row[anchor]! > row[best]!) && !taken.has(anchor)) best = anchor;
  return best;
}

function targetsOf(objects: Objects, anchors: Anchors, owners: Int32Array, threshold: number): AnchorTargets {
  const labels = owners.map((object) => (object >= 0 ? objects.labels[object]! : object === UNDECIDED ? -1 : 0));
  const encodings = new Float32Array(4 * anchors.count);
  owners.forEach((object, anchor) => {
    if (object >= 0) encodeBox(objects.boxes, object, anchors.centred, anchor, encodings);
  });
  for (const object of objects.labels.keys())
    if (objects.ignored[object] === 1) withhold(labels, objects.boxes, object, anchors.corners, threshold);
  return { labels, encodings };
}

function withhold(labels: Int32Array, boxes: Corners, object: number, anchors: Corners, threshold: number): void {
  labels.forEach((label, anchor) => {
    if (label === 0 && overlap(boxes, object, anchors, anchor) >= threshold) labels[anchor] = -1;
  });
}
