import { histogram, largest, type Histogram } from './histogram.ts';
import { percent } from './statistics.ts';

/** One weight before and after the operators of the model. */
export interface WeightPair {
  readonly name: string;
  readonly before: ArrayLike<number>;
  readonly after: ArrayLike<number>;
}

const BINS = 61;
const WIDTH = 420;
const HEIGHT = 120;
const STYLE = `body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:${WIDTH * 2}px;color:#222;background:#fff}
figure{display:inline-block;margin:0 1em 1.5em 0}figcaption{font-size:13px}svg{background:#f4f4f4}
.before{fill:#9db7d5}.after{fill:#c8553d;fill-opacity:.75}`;

/**
 * A page with one picture a weight: its distribution before (pale) and after (dark) compression. It needs nothing from the
 * network. The bin of zero, which would dwarf all others, is cut off at the height of the largest other bin; its share
 * stands in the caption.
 */
export function histogramPage(title: string, weights: readonly WeightPair[]): string {
  const figures = weights.map(figure).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escape(title)}</title><style>${STYLE}</style></head>
<body><h1>${escape(title)}</h1><p>Pale: the trained weights. Dark: the weights as the model computes with them.</p>
${figures}
</body></html>
`;
}

function figure({ name, before, after }: WeightPair): string {
  const limit = Math.max(largest(before), largest(after));
  const [pale, dark] = [histogram(before, limit, BINS), histogram(after, limit, BINS)];
  const top = tallest(pale, dark);
  const zeros = Array.from(after).filter((value) => value === 0).length / Math.max(after.length, 1);
  return `<figure><svg width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escape(name)}">${bars(pale, top, 'before')}${bars(dark, top, 'after')}</svg>
<figcaption><b>${escape(name)}</b> ±${limit.toPrecision(3)}, ${after.length} weights, ${percent(zeros)} zeros</figcaption></figure>`;
}

function tallest(...histograms: readonly Histogram[]): number {
  return Math.max(1, ...histograms.flatMap(({ counts }) => counts.filter((_, bin) => bin !== (BINS - 1) / 2)));
}

function bars({ counts }: Histogram, top: number, style: string): string {
  const width = WIDTH / counts.length;
  const rectangles = counts.map((count, bin) => {
    const height = Math.min(count / top, 1) * HEIGHT;
    return count === 0
      ? ''
      : `<rect x="${(bin * width).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(width - 1).toFixed(1)}" height="${height.toFixed(1)}"/>`;
  });
  return `<g class="${style}">${rectangles.join('')}</g>`;
}

function escape(text: string): string {
  return text.replace(/[&<>"]/gu, (letter) => `&#${letter.charCodeAt(0)};`);
}
