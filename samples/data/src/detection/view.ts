import type { Random } from '../random.ts';
import { drawColourChange, type ColourChange } from './colour.ts';
import type { DetectionImage } from './images.ts';

/** Top, left, bottom and right as shares of a picture; a window may reach beyond it. */
export type Window = readonly [top: number, left: number, bottom: number, right: number];

/** What of a picture is shown, and how. */
export interface View {
  readonly window: Window;
  /** Mirrored, left for right. */
  readonly flip: boolean;
  readonly colour: ColourChange | undefined;
}

/** Random changes of a training picture. */
export interface DetectionAugmentation {
  /** Brightness, contrast, saturation and hue. @default false */
  readonly photometric?: boolean;
  /** For every second picture: put it at a random place of one that is up to so many times higher and wider. @default 1 */
  readonly expand?: number;
  /** Cut out a part that holds an object well enough, or any. @default false */
  readonly crop?: boolean;
  /** Mirror every second picture, by chance. @default false */
  readonly flip?: boolean;
}

/** The augmentation of SSD's publication (Liu et al. 2015, arXiv 1512.02325, sections 2.2 and 3.6). */
export const ssdAugmentation: DetectionAugmentation = { photometric: true, expand: 4, crop: true, flip: true };

/** All of a picture as it is. */
export const wholeView: View = { window: [0, 0, 1, 1], flip: false, colour: undefined };

/** Draws a view. The same random numbers give the same view. */
export function drawView(augment: DetectionAugmentation, image: DetectionImage, random: Random): View {
  const { photometric = false, expand = 1, crop = false, flip = false } = augment;
  const colour = photometric ? drawColourChange(random) : undefined;
  const canvas = expand > 1 && random.next() < 0.5 ? drawCanvas(expand, random) : wholeView.window;
  return { colour, window: crop ? drawCrop(canvas, image, random) : canvas, flip: flip && random.next() < 0.5 };
}

function drawCanvas(most: number, random: Random): Window {
  const factor = 1 + (most - 1) * random.next();
  const [top, left] = [random.next() * (1 - factor), random.next() * (1 - factor)];
  return [top, left, top + factor, left + factor];
}

/** Smallest overlaps that a cut is asked for: all of the canvas (`undefined`), or an object covered so well, or any cut. */
const OVERLAPS = [undefined, 0.1, 0.3, 0.5, 0.7, 0.9, 0];
const TRIES = 50;

/** A part of the canvas with at least one object's centre in it and an overlap with one as drawn; all of it when no part is found. */
function drawCrop(canvas: Window, image: DetectionImage, random: Random): Window {
  const overlap = OVERLAPS[random.below(OVERLAPS.length)];
  if (overlap === undefined || image.labels.length === 0) return canvas;
  for (let tried = 0; tried < TRIES; tried++) {
    const part = drawPart(canvas, random);
    if (isUpright(part, image) && holdsObject(part, image.boxes, overlap)) return part;
  }
  return canvas;
}

/** At least 0.3 of height and width. */
function drawPart([top, left, bottom, right]: Window, random: Random): Window {
  const side = (length: number): number => (0.3 + 0.7 * random.next()) * length;
  const [height, width] = [side(bottom - top), side(right - left)];
  const [y, x] = [top + random.next() * (bottom - top - height), left + random.next() * (right - left - width)];
  return [y, x, y + height, x + width];
}

/** Height and width in pixels differ by a factor of two at most. */
function isUpright([top, left, bottom, right]: Window, { width, height }: DetectionImage): boolean {
  const ratio = ((bottom - top) * height) / ((right - left) * width);
  return ratio >= 0.5 && ratio <= 2;
}

function holdsObject(part: Window, boxes: Float32Array, overlap: number): boolean {
  let best = -1;
  let isCentred = false;
  for (let at = 0; at < boxes.length; at += 4) {
    const box = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!] as const;
    best = Math.max(best, intersectionOverUnion(part, box));
    isCentred ||= holdsCentre(part, box);
  }
  return isCentred && best >= overlap;
}

/** Whether a box's centre lies in a window. */
export function holdsCentre([top, left, bottom, right]: Window, box: Window): boolean {
  const [y, x] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  return y > top && y < bottom && x > left && x < right;
}

function intersectionOverUnion(a: Window, b: Window): number {
  const height = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const width = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const shared = height * width;
  return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared);
}
