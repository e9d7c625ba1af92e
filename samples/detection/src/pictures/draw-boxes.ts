import sharp from 'sharp';
import type { Detections } from '../ssd/selection.ts';

/** Boxes that are drawn, and how they are called. */
export interface Drawing {
  readonly detections: Pick<Detections, 'boxes' | 'labels'> & { readonly scores?: Float32Array };
  readonly classNames: readonly string[];
  /** Boxes of a lower score are not drawn. @default 0.5 */
  readonly threshold?: number;
}

/** Steps of hue between classes: far apart for neighbours. */
const HUE_STEP = 137;

/** A picture, decoded by sharp, with boxes in the colours of their classes, as a PNG. */
export async function drawBoxes(picture: Uint8Array, drawing: Drawing): Promise<Buffer> {
  const { width, height } = await sharp(picture).metadata();
  return sharp(picture)
    .composite([{ input: Buffer.from(boxesSvg(drawing, width, height)), top: 0, left: 0 }])
    .png()
    .toBuffer();
}

/** The boxes alone, as SVG. */
export function boxesSvg({ detections, classNames, threshold = 0.5 }: Drawing, width: number, height: number): string {
  const { boxes, labels, scores } = detections;
  const stroke = Math.max(1, Math.round(Math.min(width, height) / 150));
  const parts = [...labels].flatMap((label, place) => {
    const score = scores?.[place];
    if (score !== undefined && score < threshold) return [];
    const [top = 0, left = 0, bottom = 0, right = 0] = boxes.slice(4 * place, 4 * place + 4);
    const [x, y] = [left * width, top * height];
    const colour = `hsl(${(label * HUE_STEP) % 360} 90% 50%)`;
    const text = `${classNames[label] ?? label}${score === undefined ? '' : ` ${score.toFixed(2)}`}`;
    return [
      `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${((right - left) * width).toFixed(1)}" height="${((bottom - top) * height).toFixed(1)}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>`,
      `<text x="${(x + 2 * stroke).toFixed(1)}" y="${(y + 7 * stroke).toFixed(1)}" font-family="sans-serif" font-size="${6 * stroke}" fill="${colour}">${escaped(text)}</text>`,
    ];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${parts.join('')}</svg>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
