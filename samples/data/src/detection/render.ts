import sharp from 'sharp';
import { changeColours } from './colour.ts';
import { objectsOf, type DetectionImage, type Objects } from './images.ts';
import { resample } from './resample.ts';
import { holdsCentre, type View, type Window } from './view.ts';

/** A picture at the network's size, with the objects that are in it. */
export interface RenderedImage extends Objects {
  /** RGB bytes, `[height, width, 3]`. */
  readonly pixels: Uint8Array;
}

/** A rectangle of pixels. */
interface Area {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Decodes the part of a picture that a view shows and scales it (bilinear). What lies outside the picture has the colour `fill`. Objects whose centre is
 * not in the view are left out, others are cut off at its edges.
 * @param size height and width of the result
 * @throws sharp's own error for a file that is not a picture or is cut off; Error when the picture has another size than its annotation says
 */
export async function renderImage(
  image: DetectionImage,
  view: View,
  size: readonly [height: number, width: number],
  fill: readonly number[],
): Promise<RenderedImage> {
  const picture = sharp(await image.bytes(), { failOn: 'error' });
  const { width, height } = await picture.metadata();
  if (width !== image.width || height !== image.height)
    throw new Error(`its annotation is for ${image.width} × ${image.height} pixels, it has ${width} × ${height}`);
  const source = shownPart(view.window, image);
  const target = placeOf(source, view.window, image, size);
  const shown = await picture.toColourspace('srgb').removeAlpha().extract(source).raw().toBuffer();
  const scaledPart = resample(shown, [source.height, source.width], [target.height, target.width]);
  const pixels = canvas(scaledPart, target, size, view.flip, fill);
  if (view.colour !== undefined) changeColours(pixels, view.colour);
  return { pixels, ...moved(image, view, (box) => scaled(box, source, target, image, size)) };
}

/** Whole pixels of the picture that a window shows. */
function shownPart([top, left, bottom, right]: Window, { width, height }: DetectionImage): Area {
  const [y, rows] = span(top, bottom, height);
  const [x, columns] = span(left, right, width);
  return { left: x, top: y, width: columns, height: rows };
}

function span(from: number, to: number, length: number): [start: number, count: number] {
  const start = Math.min(Math.floor(Math.max(0, from * length) + SLACK), length - 1);
  const end = Math.max(Math.ceil(Math.min(length, to * length) - SLACK), start + 1);
  return [start, end - start];
}

/** Rounding of shares must not add a pixel. */
const SLACK = 1e-6;

/** Where the shown part lies in the result. */
function placeOf(
  source: Area,
  [top, left, bottom, right]: Window,
  image: DetectionImage,
  [height, width]: readonly [number, number],
): Area {
  const place = (at: number, from: number, to: number, pixels: number, length: number): number =>
    Math.min(Math.max(Math.round((at / pixels - from) / ((to - from) / length)), 0), length);
  const y = [source.top, source.top + source.height].map((at) => place(at, top, bottom, image.height, height));
  const x = [source.left, source.left + source.width].map((at) => place(at, left, right, image.width, width));
  const [row, column] = [Math.min(y[0]!, height - 1), Math.min(x[0]!, width - 1)];
  return { top: row, left: column, height: Math.max(y[1]! - row, 1), width: Math.max(x[1]! - column, 1) };
}

function canvas(
  shown: Uint8Array,
  target: Area,
  [height, width]: readonly [number, number],
  flip: boolean,
  fill: readonly number[],
): Uint8Array {
  if (target.width === width && target.height === height && !flip) return shown;
  const pixels = filled(height * width, fill);
  for (let row = 0; row < target.height; row++)
    for (let column = 0; column < target.width; column++) {
      const x = target.left + column;
      const to = 3 * ((target.top + row) * width + (flip ? width - 1 - x : x));
      const from = 3 * (row * target.width + column);
      for (let channel = 0; channel < 3; channel++) pixels[to + channel] = shown[from + channel]!;
    }
  return pixels;
}

function filled(count: number, fill: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: 3 * count }, (_, place) => fill[place % 3] ?? 0);
}

/** From shares of the picture to shares of the result, by the same whole pixels that the picture went by. */
function scaled(box: Window, source: Area, target: Area, image: DetectionImage, [height, width]: readonly [number, number]): Window {
  const y = (share: number): number => (target.top + ((share * image.height - source.top) * target.height) / source.height) / height;
  const x = (share: number): number => (target.left + ((share * image.width - source.left) * target.width) / source.width) / width;
  return [y(box[0]), x(box[1]), y(box[2]), x(box[3])];
}

const FULL: Window = [0, 0, 1, 1];

function moved({ boxes, labels, ignored }: DetectionImage, { flip }: View, scale: (box: Window) => Window): Objects {
  const rows = [...labels].flatMap((label, place) => {
    const at = 4 * place;
    const box = scale([boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!]);
    if (!holdsCentre(FULL, box)) return [];
    const [top, left, bottom, right] = box.map((share) => Math.min(Math.max(share, 0), 1)) as [number, number, number, number];
    return [{ box: flip ? [top, 1 - right, bottom, 1 - left] : [top, left, bottom, right], label, ignored: ignored[place] === 1 }];
  });
  return objectsOf(rows);
}
