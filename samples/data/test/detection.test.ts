import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { useBackend } from '@nncf/backend';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  cocoDataset,
  detectionBatches,
  rawPixels,
  sharedFile,
  ssdAugmentation,
  vocDataset,
  type DetectionBatch,
  type DetectionDataset,
  type DetectionImage,
} from '../src/index.ts';
import { changeColours, colourChange } from '../src/detection/colour.ts';
import { renderImage } from '../src/detection/render.ts';
import { drawView, wholeView, type Window } from '../src/detection/view.ts';
import { createRandom } from '../src/random.ts';

let folder: string;
let problems: string[] = [];
const onProblem = (file: string, reason: string): void => void problems.push(`${file.replace(folder, '')}: ${reason}`);

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-boxes-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Writes files, given by their path, into a new folder. */
async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  problems = [];
  const root = await mkdtemp(join(folder, 'data-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

function jpeg(width = 40, height = 20): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 3, background: '#305070' } })
    .jpeg()
    .toBuffer();
}

function xml(
  objects: readonly (readonly [name: string, xmin: number, ymin: number, xmax: number, ymax: number, difficult?: number])[],
): string {
  const one = ([name, xmin, ymin, xmax, ymax, difficult = 0]: (typeof objects)[number]): string =>
    `<object><name>${name}</name><difficult>${difficult}</difficult><bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`;
  return `<annotation><size><width>40</width><height>20</height><depth>3</depth></size>${objects.map(one).join('')}</annotation>`;
}

/** Boxes in pixels of a 40 × 20 picture: left, top, right, bottom. */
function pixels({ boxes }: { readonly boxes: Float32Array }): number[][] {
  return Array.from({ length: boxes.length / 4 }, (_, place) => {
    const [top = 0, left = 0, bottom = 0, right = 0] = boxes.slice(4 * place, 4 * place + 4);
    return [left * 40, top * 20, right * 40, bottom * 20].map(Math.round);
  });
}

describe('vocDataset', () => {
  it('reads boxes that count pixels from one, labels in the order of names, and what is difficult', async () => {
    const root = await write({
      'VOC/ImageSets/Main/train.txt': 'a  1\nb -1\n',
      'VOC/Annotations/a.xml': xml([
        ['wheel', 1, 1, 20, 10],
        ['bus', 11, 6, 40, 20, 1],
      ]),
      'VOC/Annotations/b.xml': xml([]),
      'VOC/JPEGImages/a.jpg': await jpeg(),
      'VOC/JPEGImages/b.jpg': await jpeg(),
    });
    const { classNames, images } = await vocDataset(root, 'train', { onProblem });
    expect(classNames).toEqual(['background', 'bus', 'wheel']);
    expect(pixels(images[0]!)).toEqual([
      [0, 0, 20, 10],
      [10, 5, 40, 20],
    ]);
    expect([[...images[0]!.labels], [...images[0]!.ignored], images[1]!.labels.length]).toEqual([[2, 1], [0, 1], 0]);
    expect(problems).toEqual([]);
  });

  it('reports what is wrong with the name of the file, and goes on', async () => {
    const root = await write({
      'ImageSets/Main/val.txt': 'good\nempty\nbroken\nabsent\nlonely\nwordy\noutside\n',
      'Annotations/good.xml': xml([['bus', 5, 5, 10, 10]]),
      'Annotations/empty.xml': '\n',
      'Annotations/broken.xml': '<annotation><size>',
      'Annotations/lonely.xml': xml([['bus', 5, 5, 10, 10]]),
      'Annotations/wordy.xml': xml([]).replace('<width>40', '<width>wide'),
      'Annotations/outside.xml': xml([
        ['bus', 0, 0, 41, 20],
        ['bus', 31, 11, 60, 20],
        ['bus', 50, 1, 60, 9],
        ['boat', 5, 5, 6, 6],
      ]),
      'JPEGImages/good.jpg': await jpeg(),
      'JPEGImages/outside.jpg': await jpeg(),
      'JPEGImages/wordy.jpg': await jpeg(),
    });
    const { images } = await vocDataset(root, 'val', { onProblem, classNames: ['bus'] });
    expect(images.map(({ file }) => file.replace(root, ''))).toEqual(['/JPEGImages/good.jpg', '/JPEGImages/outside.jpg']);
    expect(pixels(images[1]!)).toEqual([
      [0, 0, 40, 20],
      [30, 10, 40, 20],
    ]);
    const said = problems.map((line) => line.replace(/^\/data-\w+/u, ''));
    [
      /^\/Annotations\/empty\.xml: the picture is left out: the annotation is empty/u,
      /^\/Annotations\/broken\.xml: the picture is left out: line \d+ is no XML/u,
      /^\/Annotations\/absent\.xml: the picture is left out: .*is not there/u,
      /^\/Annotations\/lonely\.xml: the picture is left out: lonely\.jpg is not in JPEGImages/u,
      /^\/Annotations\/wordy\.xml: the picture is left out: .*not as Pascal VOC/u,
      /^\/JPEGImages\/outside\.jpg: the box of a bus, 31, 11, 60, 20, is cut off/u,
      /^\/JPEGImages\/outside\.jpg: the box of a bus, 50, 1, 60, 9, is empty within/u,
      /^\/JPEGImages\/outside\.jpg: objects of the unknown class boat are left out/u,
    ].forEach((message, place) => expect(said[place]).toMatch(message));
    expect(said).toHaveLength(8);
    await expect(vocDataset(root, 'val', { onProblem, classNames: ['bus'], unknownClass: 'refuse' })).rejects.toThrow(
      /outside\.jpg: boat is none/u,
    );
    await expect(vocDataset(root, 'test')).rejects.toMatchObject({ code: 'DATASET_MISSING' });
  });

  it('reads a tar archive as the folder in it', async () => {
    const root = await write({
      'VOC/ImageSets/Main/train.txt': 'a',
      'VOC/Annotations/a.xml': xml([['bus', 3, 3, 8, 8]]),
      'VOC/JPEGImages/a.jpg': await jpeg(),
    });
    await create({ file: join(root, 'voc.tar'), cwd: root }, ['VOC']);
    const { images, name } = await vocDataset(join(root, 'voc.tar'), 'train');
    expect([name, pixels(images[0]!)]).toEqual(['voc train', [[2, 2, 8, 8]]]);
    expect(await images[0]!.bytes()).toEqual(await jpeg());
  });

  it('reads the blood cells (needs the shared data folder)', async (context) => {
    const file = sharedFile('data/bccd.tar');
    if (file === undefined) return context.skip('the shared data folder is not there');
    problems = [];
    const parts = await Promise.all(['train', 'val', 'test'].map((split) => vocDataset(file, split, { onProblem })));
    expect(parts.map(({ images }) => images.length)).toEqual([205, 87, 72]);
    const labels = parts.flatMap(({ images }) => images.flatMap((image) => [...image.labels]));
    expect(parts.map(({ classNames }) => classNames)).toEqual(Array.from({ length: 3 }, () => ['background', 'Platelets', 'RBC', 'WBC']));
    const lost = problems.filter((line) => line.includes('is empty within')).length;
    expect(labels.length + lost).toBe(4155 + 372 + 361);
    expect([1, 3].map((label) => labels.filter((other) => other === label).length)).toEqual([361, 372]);
  });
});

describe('cocoDataset', () => {
  const categories = [
    { id: 7, name: 'train' },
    { id: 3, name: 'car' },
  ];
  const image = { id: 11, file_name: 'x.jpg', width: 40, height: 20 };
  const file = (content: object): string => JSON.stringify({ images: [image], annotations: [], categories, ...content });

  it('reads left, top, width and height; labels are dense, or the ids', async () => {
    const annotations = [
      { image_id: 11, category_id: 7, bbox: [2, 3, 10, 12], iscrowd: 0 },
      { image_id: 11, category_id: 3, bbox: [0, 0, 40, 20], iscrowd: 1 },
    ];
    const root = await write({ 'annotations/instances_val.json': file({ annotations }), 'val/x.jpg': await jpeg() });
    const dense = await cocoDataset(root, 'val');
    expect(dense.classNames).toEqual(['background', 'car', 'train']);
    const [only] = dense.images;
    expect([only!.id, pixels(only!), [...only!.labels], [...only!.ignored]]).toEqual([
      11,
      [
        [2, 3, 12, 15],
        [0, 0, 40, 20],
      ],
      [2, 1],
      [0, 1],
    ]);
    const ids = await cocoDataset(root, 'val', { labels: 'id' });
    expect([ids.classNames.length, ids.classNames[3], ids.classNames[7], [...ids.images[0]!.labels]]).toEqual([8, 'car', 'train', [7, 3]]);
  });

  it('reports boxes outside and unknown categories, and refuses a file of another form', async () => {
    const annotations = [
      { image_id: 11, category_id: 7, bbox: [30, 10, 20, 5] },
      { image_id: 11, category_id: 7, bbox: [3, 3, 0, 5] },
      { image_id: 11, category_id: 9, bbox: [1, 1, 5, 5] },
    ];
    const root = await write({
      'annotations/instances_val.json': file({ annotations }),
      'annotations/instances_bad.json': file({ annotations: [{ image_id: 11 }] }),
    });
    const { images } = await cocoDataset(root, 'val', { onProblem });
    expect(pixels(images[0]!)).toEqual([[30, 10, 40, 15]]);
    expect(problems.map((line) => line.replace(/^.*x\.jpg: /u, ''))).toEqual([
      'the box 30, 10, 20, 5 is cut off at the edge',
      'the box 3, 3, 0, 5 is empty within the picture and left out',
      'objects of the unknown category 9 are left out',
    ]);
    await expect(cocoDataset(root, 'bad')).rejects.toMatchObject({
      code: 'CORRUPT_FILE',
      message: expect.stringMatching(/bad\.json.*bbox/su),
    });
    await expect(cocoDataset(root, 'val', { onProblem, unknownClass: 'refuse' })).rejects.toThrow(/there is no category 9/u);
  });

  it('reads the pack (needs the shared data folder)', async (context) => {
    const pack = sharedFile('data/coco-mini.tar');
    if (pack === undefined) return context.skip('the shared data folder is not there');
    problems = [];
    const { images, classNames } = await cocoDataset(pack, 'val2017', { onProblem, labels: 'id' });
    expect([images.length, images.reduce((sum, { labels }) => sum + labels.length, 0), classNames.length]).toEqual([128, 898, 91]);
    expect([problems, classNames[1], classNames[90]]).toEqual([[], 'person', 'toothbrush']);
  });
});

/** A black picture with one white rectangle, and its box. */
async function rectangle([left, top, width, height]: readonly [number, number, number, number]): Promise<DetectionImage> {
  const inner = await sharp({ create: { width, height, channels: 3, background: 'white' } })
    .png()
    .toBuffer();
  const bytes = await sharp({ create: { width: 80, height: 60, channels: 3, background: 'black' } })
    .composite([{ input: inner, left, top }])
    .png()
    .toBuffer();
  return {
    file: 'rectangle',
    id: 0,
    width: 80,
    height: 60,
    boxes: Float32Array.of(top / 60, left / 80, (top + height) / 60, (left + width) / 80),
    labels: Int32Array.of(1),
    ignored: Uint8Array.of(0),
    bytes: () => Promise.resolve(bytes),
  };
}

/** Edges of what is bright in a square picture, as shares. */
function brightBox(bytes: Uint8Array, side: number): Window {
  const bright = [...bytes].flatMap((value, place) => (place % 3 === 0 && value > 127 ? [Math.floor(place / 3)] : []));
  const [rows, columns] = [bright.map((place) => Math.floor(place / side)), bright.map((place) => place % side)];
  return [Math.min(...rows) / side, Math.min(...columns) / side, (Math.max(...rows) + 1) / side, (Math.max(...columns) + 1) / side];
}

describe('augmentation', () => {
  it('moves boxes as it moves pixels', async () => {
    const image = await rectangle([18, 12, 41, 33]);
    const side = 120;
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(10_000), async (seed) => {
        const view = drawView({ expand: 2, crop: true, flip: true }, image, createRandom(seed));
        const rendered = await renderImage(image, view, [side, side], [0, 0, 0]);
        expect(rendered.labels).toHaveLength(1);
        const seen = brightBox(rendered.pixels, side);
        rendered.boxes.forEach((edge, place) => expect(Math.abs(edge - seen[place]!)).toBeLessThan(2.5 / side));
        moved += Number(view.window !== wholeView.window);
      }),
      { numRuns: 40, seed: 1 },
    );
    expect(moved).toBeGreaterThan(20);
  });

  it('cuts parts that hold an object as well as asked for', async () => {
    const image = await rectangle([30, 20, 12, 12]);
    for (let seed = 0; seed < 200; seed++) {
      const { window } = drawView({ crop: true }, image, createRandom(seed));
      const [top, left, bottom, right] = window;
      expect([top >= 0, left >= 0, bottom <= 1, right <= 1]).toEqual([true, true, true, true]);
      const ratio = ((bottom - top) * 60) / ((right - left) * 80);
      expect(ratio).toBeGreaterThanOrEqual(0.5);
      expect(ratio).toBeLessThanOrEqual(2);
      expect(top < 26 / 60 && bottom > 26 / 60 && left < 36 / 80 && right > 36 / 80).toBe(true);
    }
  });

  it('mirrors, and leaves out objects whose centre is not in the view', async () => {
    const image = await rectangle([10, 10, 20, 20]);
    const mirrored = await renderImage(image, { ...wholeView, flip: true }, [60, 80], [0, 0, 0]);
    expect([...mirrored.boxes].map((edge) => edge.toFixed(4))).toEqual([10 / 60, 50 / 80, 30 / 60, 70 / 80].map((edge) => edge.toFixed(4)));
    const right = await renderImage(image, { ...wholeView, window: [0, 0.3, 1, 1] }, [60, 80], [0, 0, 0]);
    expect(right.labels).toHaveLength(0);
  });

  it('fills what lies outside the picture', async () => {
    const image = await rectangle([50, 40, 20, 20]);
    const { pixels: bytes } = await renderImage(image, { ...wholeView, window: [0, 0, 2, 2] }, [12, 16], [1, 2, 3]);
    expect([...bytes.slice(-3), ...bytes.slice(0, 3)]).toEqual([1, 2, 3, 0, 0, 0]);
  });

  it('changes colours as told: grey keeps its hue, a third of a turn moves the channels on', () => {
    const change = (rgb: readonly number[], spec: Parameters<typeof colourChange>[0]): number[] => {
      const bytes = Uint8Array.from(rgb);
      changeColours(bytes, colourChange(spec));
      return [...bytes];
    };
    expect(change([10, 100, 200], {})).toEqual([10, 100, 200]);
    expect(change([90, 90, 90], { hue: 17, saturation: 1.4 })).toEqual([90, 90, 90]);
    expect(change([10, 100, 200], { hue: 120 })).toEqual([200, 10, 100]);
    expect(change([10, 100, 200], { brightness: 70 })).toEqual([80, 170, 255]);
    expect(change([10, 100, 200], { contrast: 0.5, brightness: -10 })).toEqual([0, 40, 90]);
    expect(change([0, 0, 255], { saturation: 0 })).toEqual([29, 29, 29]);
  });
});

describe('detectionBatches', () => {
  const options = { batchSize: 2, size: [12, 16] as const, normalization: rawPixels };

  async function threePictures(): Promise<DetectionDataset> {
    const root = await write({
      'ImageSets/Main/train.txt': 'a\nb\nc',
      ...Object.fromEntries(['a', 'b', 'c'].map((name) => [`Annotations/${name}.xml`, xml([['bus', 5, 5, 30, 15]])])),
      'JPEGImages/a.jpg': await jpeg(),
      'JPEGImages/b.jpg': (await jpeg()).subarray(0, 200),
      'JPEGImages/c.jpg': await jpeg(20, 20),
    });
    return vocDataset(root, 'train', { onProblem });
  }

  async function collect(dataset: DetectionDataset, more: object = {}): Promise<{ pixels: number[]; boxes: number[]; indices: number[] }> {
    const all = { pixels: [] as number[], boxes: [] as number[], indices: [] as number[] };
    for await (const { xs, objects } of detectionBatches(dataset, { ...options, ...more })) {
      all.pixels.push(...(await xs.data()));
      all.boxes.push(...objects.flatMap(({ boxes }) => [...boxes]));
      all.indices.push(...objects.map(({ index }) => index));
    }
    return all;
  }

  it('leave broken pictures and those of another size out, and report each once in two epochs', async () => {
    const dataset = await threePictures();
    expect([(await collect(dataset)).indices, (await collect(dataset, { epoch: 1 })).indices]).toEqual([[0], [0]]);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toMatch(/b\.jpg: the picture is left out: .+/u);
    expect(problems[1]).toMatch(/c\.jpg: the picture is left out: its annotation is for 40 × 20 pixels, it has 20 × 20/u);
  });

  it('depend on seed and epoch alone', async () => {
    const root = await write({
      'ImageSets/Main/train.txt': '1\n2\n3\n4\n5',
      ...Object.fromEntries([1, 2, 3, 4, 5].map((name) => [`Annotations/${name}.xml`, xml([['bus', name, 5, 30, 15]])])),
      ...Object.fromEntries(await Promise.all([1, 2, 3, 4, 5].map(async (name) => [`JPEGImages/${name}.jpg`, await jpeg()]))),
    });
    const dataset = await vocDataset(root, 'train');
    const train = { shuffle: true, seed: 4, epoch: 2, augment: ssdAugmentation };
    const first = await collect(dataset, { ...train, concurrency: 1 });
    expect(await collect(dataset, { ...train, concurrency: 5 })).toEqual(first);
    expect(first.indices.toSorted()).toEqual([0, 1, 2, 3, 4]);
    expect(await collect(dataset, { ...train, epoch: 3 })).not.toEqual(first);
    expect(await collect(dataset, { ...train, seed: 5 })).not.toEqual(first);
  });

  it('belong to the loop, and leave no tensor', async () => {
    const dataset = await threePictures();
    const before = tf.memory().numTensors;
    let last: DetectionBatch | undefined;
    for await (const batch of detectionBatches(dataset, options)) {
      expect(batch.xs.shape).toEqual([1, 12, 16, 3]);
      last = batch;
      break;
    }
    expect(last!.xs.isDisposed).toBe(true);
    expect(tf.memory().numTensors).toBe(before);
    expect([detectionBatches(dataset, options).size, detectionBatches(dataset, { ...options, dropRemainder: true }).size]).toEqual([2, 1]);
    expect(() => detectionBatches(dataset, { ...options, batchSize: 0 })).toThrow(/batchSize 0/u);
  });
});
