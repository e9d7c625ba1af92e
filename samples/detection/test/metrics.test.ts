import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pythonEnv } from '../../../scripts/python-env.mjs';
import { cocoScore } from '../src/metrics/coco.ts';
import type { ScoredPicture } from '../src/metrics/scored-picture.ts';
import { vocScore } from '../src/metrics/voc.ts';
import { randomNumbers } from './support/random.ts';

type Box = readonly [top: number, left: number, bottom: number, right: number];
type Found = readonly [score: number, box: Box, label?: number];
type Object = readonly [box: Box, label?: number, ignored?: number];

function picture(objects: readonly Object[], found: readonly Found[]): ScoredPicture {
  return {
    objects: {
      boxes: objects.flatMap(([box]) => [...box]),
      labels: Int32Array.from(objects, ([, label = 1]) => label),
      ignored: Uint8Array.from(objects, ([, , ignored = 0]) => ignored),
    },
    detections: {
      boxes: found.flatMap(([, box]) => [...box]),
      scores: found.map(([score]) => score),
      labels: Int32Array.from(found, ([, , label = 1]) => label),
    },
  };
}

const A: Box = [0, 0, 10, 10];
const B: Box = [20, 20, 30, 30];
const C: Box = [40, 40, 50, 50];
const NOWHERE: Box = [70, 70, 80, 80];

describe('vocScore', () => {
  // Right, wrong, right, wrong, right of three objects: precision 1, ½, ⅔, ½, ⅗ at recall ⅓, ⅓, ⅔, ⅔, 1.
  const mixed = picture(
    [[A], [B], [C]],
    [
      [0.9, A],
      [0.8, NOWHERE],
      [0.7, B],
      [0.6, NOWHERE],
      [0.5, C],
    ],
  );

  it('is the area under the raised curve, or the mean of eleven points of it', () => {
    expect(vocScore([mixed], 2, 'area').map).toBeCloseTo((1 + 2 / 3 + 3 / 5) / 3, 12);
    expect(vocScore([mixed], 2, '11-point').map).toBeCloseTo((4 * 1 + 3 * (2 / 3) + 4 * (3 / 5)) / 11, 12);
  });

  it('goes by score over all pictures', () => {
    const parts = [
      picture(
        [[C]],
        [
          [0.5, C],
          [0.6, NOWHERE],
        ],
      ),
      picture(
        [[A], [B]],
        [
          [0.7, B],
          [0.9, A],
          [0.8, NOWHERE],
        ],
      ),
    ];
    expect(vocScore(parts, 2, 'area').map).toBeCloseTo(vocScore([mixed], 2, 'area').map, 12);
  });

  it('counts an object that is found twice once, and what is difficult not at all', () => {
    expect(
      vocScore(
        [
          picture(
            [[A]],
            [
              [0.9, A],
              [0.8, A],
            ],
          ),
        ],
        2,
        'area',
      ).map,
    ).toBe(1);
    expect(
      vocScore(
        [
          picture(
            [[A], [B]],
            [
              [0.9, A],
              [0.8, A],
              [0.7, B],
            ],
          ),
        ],
        2,
        'area',
      ).map,
    ).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(
      vocScore(
        [
          picture(
            [[A], [B, 1, 1]],
            [
              [0.9, B],
              [0.8, B],
              [0.7, A],
            ],
          ),
        ],
        2,
        'area',
      ).map,
    ).toBe(1);
  });

  it('asks for half an overlap, boundary included', () => {
    expect(vocScore([picture([[A]], [[0.9, [0, 0, 10, 5]]])], 2).map).toBe(1);
    expect(vocScore([picture([[A]], [[0.9, [0, 0, 10, 4.99]]])], 2).map).toBe(0);
  });

  it('leaves out classes that do not occur', () => {
    const { map, classes } = vocScore(
      [
        picture(
          [
            [A, 1],
            [B, 3],
          ],
          [
            [0.9, A, 1],
            [0.8, C, 2],
            [0.7, NOWHERE, 3],
          ],
        ),
      ],
      4,
    );
    expect([map, classes]).toEqual([0.5, [undefined, 1, undefined, 0]]);
    expect(vocScore([], 2).map).toBeNaN();
  });
});

/** Pictures with objects and guesses around them, in whole hundredths so that scores repeat. */
function randomPictures(seed: number, count: number, classes: number): ScoredPicture[] {
  const random = randomNumbers(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const box = (): Box => {
    const [top, left] = [random() * 80, random() * 80];
    return [top, left, top + 5 + random() * 40, left + 5 + random() * 40];
  };
  return Array.from({ length: count }, (_, place) => {
    const objects: Object[] = Array.from({ length: place % 5 === 4 ? 0 : 1 + below(6) }, () => [
      box(),
      1 + below(classes - 2),
      Number(random() < 0.15),
    ]);
    const near = objects.flatMap(([around, label]) =>
      Array.from({ length: below(4) }, (): Found => {
        const shifted = around.map((edge) => edge + (random() - 0.5) * 8) as unknown as Box;
        return [below(100) / 100, shifted, random() < 0.85 ? (label ?? 1) : 1 + below(classes - 1)];
      }),
    );
    const stray = Array.from({ length: place === 3 ? 130 : below(4) }, (): Found => [
      below(100) / 100,
      box(),
      place === 3 ? 1 : 1 + below(classes - 1),
    ]);
    return picture(objects, [...near, ...stray]);
  });
}

/** Left, top, width and height. */
function bbox(boxes: ArrayLike<number>, place: number): number[] {
  const [top, left, bottom, right] = [0, 1, 2, 3].map((edge) => boxes[4 * place + edge]!) as [number, number, number, number];
  return [left, top, right - left, bottom - top];
}

/** Figures of the official program, run in the project's Python environment. */
function officialScore(pictures: readonly ScoredPicture[], classes: number): number[] {
  const annotations = pictures.flatMap(({ objects }, image_id) =>
    Array.from(objects.labels, (category_id, place) => {
      const rectangle = bbox(objects.boxes, place);
      return { image_id, category_id, bbox: rectangle, area: rectangle[2]! * rectangle[3]!, iscrowd: objects.ignored[place] };
    }),
  );
  const detections = pictures.flatMap(({ detections: found }, image_id) =>
    Array.from(found.labels, (category_id, place) => ({
      image_id,
      category_id,
      bbox: bbox(found.boxes, place),
      score: found.scores[place],
    })),
  );
  const task = {
    images: pictures.map((_, id) => ({ id })),
    categories: Array.from({ length: classes - 1 }, (_, place) => ({ id: place + 1, name: `${place + 1}` })),
    annotations: annotations.map((annotation, place) => ({ ...annotation, id: place + 1 })),
    detections,
  };
  const script = fileURLToPath(new URL('support/coco_eval.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(pythonEnv(), [script], { input: JSON.stringify(task), encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as number[];
}

describe('cocoScore', () => {
  it(
    'is that of pycocotools',
    () => {
      const pictures = randomPictures(7, 40, 6);
      const { ap, ap50, ap75, ar } = cocoScore(pictures, 6);
      const expected = officialScore(pictures, 6);
      [ap, ap50, ap75, ar].forEach((figure, place) => expect(Math.abs(figure - expected[place]!)).toBeLessThan(1e-6));
      // Figures that say something: neither nothing nor everything is found.
      expected.forEach((figure) => {
        expect(figure).toBeGreaterThan(0.05);
        expect(figure).toBeLessThan(0.95);
      });
    },
    // The environment is made when it is not there.
    15 * 60_000,
  );

  it('is 1 where all is found and nothing else, and −1 where nothing is to be found', () => {
    const all = cocoScore(
      [
        picture(
          [[A], [B, 2]],
          [
            [0.9, A],
            [0.3, B, 2],
          ],
        ),
      ],
      3,
    );
    Object.values(all).forEach((figure) => expect(figure).toBeCloseTo(1, 12));
    expect(cocoScore([picture([], [[0.9, A]])], 3)).toEqual({ ap: -1, ap50: -1, ap75: -1, ar: -1 });
  });

  it('asks for an ever larger overlap', () => {
    const { ap, ap50, ap75 } = cocoScore([picture([[A]], [[0.9, [0, 0, 10, 7.2]]])], 2);
    // 0.72 is enough for 0.5, 0.55, 0.6, 0.65 and 0.7.
    expect([ap, ap50, ap75].map((figure) => figure.toFixed(6))).toEqual(['0.500000', '1.000000', '0.000000']);
  });

  it('does not count what finds a crowd, however often', () => {
    const crowd: Box = [0, 60, 60, 100];
    const found: Found[] = [
      [0.9, [0, 60, 20, 80]],
      [0.8, [10, 70, 30, 90]],
      [0.7, A],
    ];
    expect(cocoScore([picture([[A], [crowd, 1, 1]], found)], 2).ap).toBeCloseTo(1, 12);
  });
});
