import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { useBackend } from '@nncf/backend';
import fc from 'fast-check';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  camvid,
  camvidClasses,
  countClassPixels,
  createSegmentationDataset,
  enetWeights,
  medianFrequencyWeights,
  rawPixels,
  segmentationArrays,
  segmentationBatches,
  segmentationToMemory,
  sharedFile,
  type PictureSize,
  type SegmentationArrays,
  type SegmentationBatchOptions,
  type SegmentationDataset,
} from '../src/index.ts';
import { createRandom } from '../src/random.ts';
import { resizeMask } from '../src/segmentation/decode-pair.ts';
import { drawPairView, plainView, writePair, type PairView } from '../src/segmentation/view.ts';

let folder: string;

beforeAll(async () => {
  await useBackend({ quiet: true });
  folder = await mkdtemp(join(tmpdir(), 'nncf-segmentation-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A picture whose red channel is its mask times ten, as PNG. */
async function pair(mask: readonly (readonly number[])[]): Promise<{ bytes: Uint8Array; maskBytes: Uint8Array }> {
  const [height, width] = [mask.length, mask[0]!.length];
  const rgb = Uint8Array.from(mask.flat().flatMap((label) => [label * 10, 100, 200]));
  return {
    bytes: await sharp(rgb, { raw: { height, width, channels: 3 } })
      .png()
      .toBuffer(),
    maskBytes: await sharp(Uint8Array.from(mask.flat()), { raw: { height, width, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer(),
  };
}

type Broken = readonly [file: string, reason: string];

async function dataset(
  masks: readonly (readonly number[])[][],
  pictureSize: PictureSize,
  broken: Broken[] = [],
): Promise<SegmentationDataset> {
  const pairs = await Promise.all(
    masks.map(async (mask, place) => ({ file: `${place}.png`, maskFile: `${place}-mask.png`, ...(await pair(mask)) })),
  );
  const spec = { name: 'tiny', classNames: ['sky', 'road', 'car'], ignored: 11, pairs };
  return createSegmentationDataset(spec, { pictureSize, normalization: rawPixels, onBroken: (...line) => broken.push(line) });
}

async function collect(data: SegmentationDataset, options: SegmentationBatchOptions): Promise<SegmentationArrays[]> {
  const all: SegmentationArrays[] = [];
  for await (const batch of segmentationArrays(data, options)) all.push(batch);
  return all;
}

const quarters = [
  [0, 1],
  [2, 11],
];

describe('pairs', () => {
  it('come at their size, the mask by the nearest pixel', async () => {
    const data = await dataset([quarters], [4, 4]);
    const { masks, pixels } = await data.read(Int32Array.of(0));
    expect([...masks]).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 11, 11, 2, 2, 11, 11]);
    expect([pixels[0], pixels[1], pixels[2], pixels.length]).toEqual([0, 100, 200, 48]);
  });

  it('masks keep their classes at every size', () => {
    const size = fc.integer({ min: 1, max: 9 });
    fc.assert(
      fc.property(size, size, size, size, fc.nat(), (height, width, toHeight, toWidth, seed) => {
        const random = createRandom(seed);
        const mask = Uint8Array.from({ length: height * width }, () => random.below(12));
        const resized = resizeMask(mask, [height, width], [toHeight, toWidth]);
        expect([...resized].filter((label) => !mask.includes(label))).toEqual([]);
        // Twice the size and back is where one started.
        const doubled = resizeMask(mask, [height, width], [2 * height, 2 * width]);
        expect(resizeMask(doubled, [2 * height, 2 * width], [height, width])).toEqual(mask);
      }),
    );
  });

  it('that cannot be used are reported once and left out, and the others come', async () => {
    const broken: Broken[] = [];
    const good = await pair(quarters);
    const other = await pair([[0, 1, 2]]);
    const unknown = await pair([
      [0, 1],
      [2, 7],
    ]);
    const colour = await sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const pairs = [
      { file: 'cut.png', maskFile: 'cut-mask.png', ...good, bytes: good.bytes.subarray(0, 60) },
      { file: 'a.png', maskFile: 'no-picture.png', ...good, maskBytes: new TextEncoder().encode('no picture') },
      { file: 'b.png', maskFile: 'other-size.png', ...good, maskBytes: other.maskBytes },
      { file: 'c.png', maskFile: 'unknown.png', ...unknown },
      { file: 'd.png', maskFile: 'colour.png', ...good, maskBytes: colour },
      { file: join(folder, 'gone.png'), maskFile: 'gone-mask.png', maskBytes: good.maskBytes },
      { file: 'good.png', maskFile: 'good-mask.png', ...good },
    ];
    const spec = { name: 'mixed', classNames: ['sky', 'road', 'car'], ignored: 11, pairs };
    const data = createSegmentationDataset(spec, { pictureSize: [2, 2], onBroken: (...line) => broken.push(line) });
    const epochs = [await collect(data, { batchSize: 3 }), await collect(data, { batchSize: 3, epoch: 1 })];
    expect(epochs.map((batches) => batches.map(({ indices }) => [...indices]))).toEqual([[[6]], [[6]]]);
    expect(new Map(broken).size).toBe(broken.length);
    const reasons: [string, RegExp][] = [
      ['cut.png', /./],
      ['no-picture.png', /unsupported image format/],
      ['other-size.png', /1 × 3, its picture 2 × 2/],
      ['unknown.png', /class 7 at row 1, column 1 is not known \(0 … 2, 11 to be ignored\)/],
      ['colour.png', /no 8-bit grey picture/],
      [join(folder, 'gone.png'), /./],
    ];
    expect(broken.map(([file]) => file).sort()).toEqual(reasons.map(([file]) => file).sort());
    reasons.forEach(([file, reason]) => expect(new Map(broken).get(file)).toMatch(reason));
    expect((await segmentationToMemory(data)).size).toBe(1);
  });

  it('of an impossible size are refused', async () => {
    await expect(dataset([quarters], [0, 2])).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('views', () => {
  const picture = {
    pixels: Uint8Array.from([10, 0, 0, 20, 0, 0, 30, 0, 0, 40, 0, 0]),
    mask: Uint8Array.of(0, 1, 2, 0),
    size: [2, 2] as const,
  };
  const rule = { mean: [0, 0, 0], factor: [1, 1, 1], ignored: 11 };

  function seen(view: Partial<PairView>, size: PictureSize): { red: number[]; masks: number[] } {
    const area = size[0] * size[1];
    const target = { pixels: new Float32Array(3 * area), masks: new Int32Array(area), place: 0 };
    writePair(picture, { ...plainView, ...view }, size, rule, target);
    return { red: Array.from({ length: area }, (_, at) => target.pixels[3 * at]!), masks: [...target.masks] };
  }

  it('show the picture, mirrored, shifted and scaled, with its mask', () => {
    expect(seen({}, [2, 2])).toEqual({ red: [10, 20, 30, 40], masks: [0, 1, 2, 0] });
    expect(seen({ flip: true }, [2, 2])).toEqual({ red: [20, 10, 40, 30], masks: [1, 0, 0, 2] });
    expect(seen({ top: 1, left: -1 }, [2, 2])).toEqual({ red: [0, 30, 0, 0], masks: [11, 2, 11, 11] });
    expect(seen({ top: 1, left: -1, flip: true }, [2, 2])).toEqual({ red: [30, 0, 0, 0], masks: [2, 11, 11, 11] });
    expect(seen({ scale: 2 }, [1, 4])).toEqual({ red: [10, 12.5, 17.5, 20], masks: [0, 0, 1, 1] });
    expect(seen({ scale: 0.5 }, [1, 2])).toEqual({ red: [25, 0], masks: [0, 11] });
  });

  it('lie inside the picture where it is large enough', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const view = drawPairView({ crop: [3, 4], scale: [1, 2], flip: true }, [6, 8], createRandom(seed));
        expect(view.top).toBeGreaterThanOrEqual(0);
        expect(view.left).toBeGreaterThanOrEqual(0);
        expect(view.top + 3).toBeLessThanOrEqual(Math.round(6 * view.scale));
        expect(view.left + 4).toBeLessThanOrEqual(Math.round(8 * view.scale));
      }),
    );
  });

  it('depend on seed, epoch and picture, not on what else is in the batch', async () => {
    const masks = [0, 1, 2, 3].map((first) => [
      [first % 3, 1, 2, 0],
      [1, 1, 0, 2],
      [0, 2, 1, 1],
    ]);
    const data = await segmentationToMemory(await dataset(masks, [6, 8]));
    const options = { shuffle: true, seed: 5, augment: { crop: [4, 4], scale: [0.75, 1.5], flip: true } } as const;
    const views = async (batchSize: number, epoch: number): Promise<Map<number, readonly number[]>> => {
      const batches = await collect(data, { ...options, batchSize, epoch });
      const each = batches.flatMap(({ indices, masks: all }) =>
        [...indices].map((index, place) => [index, [...all.subarray(16 * place, 16 * (place + 1))]] as const),
      );
      return new Map(each.sort(([a], [b]) => a - b));
    };
    expect(await views(1, 2)).toEqual(await views(3, 2));
    expect(await views(1, 2)).not.toEqual(await views(1, 3));
  });
});

describe('batches', () => {
  it('are tensors that live until the next one', async () => {
    const data = await dataset([quarters, quarters, quarters], [2, 2]);
    const stream = segmentationBatches(data, { batchSize: 2, dropRemainder: true });
    expect(stream.size).toBe(1);
    const kept: { isDisposed: boolean }[] = [];
    for await (const { xs, ys } of stream) {
      expect([xs.shape, ys.shape, ys.dtype]).toEqual([[2, 2, 2, 3], [2, 2, 2], 'int32']);
      expect(await ys.data()).toEqual(Int32Array.of(0, 1, 2, 11, 0, 1, 2, 11));
      kept.push(xs, ys);
    }
    expect(kept.map(({ isDisposed }) => isDisposed)).toEqual([true, true]);
    expect(() => segmentationBatches(data, { batchSize: 0 })).toThrow(/batchSize 0/);
  });
});

describe('class weights', () => {
  it('are those of the publications, by hand', async () => {
    // Eight and four pixels, four of them ignored: class 0 in both pictures, 1 and 2 in one.
    const data = await dataset(
      [
        [
          [0, 0, 0, 0],
          [1, 1, 11, 11],
        ],
        [
          [0, 0, 0, 2],
          [2, 2, 11, 11],
        ],
      ],
      [2, 4],
    );
    const pixels = await countClassPixels(data);
    expect(pixels).toEqual({ own: [7, 2, 3], around: [12, 6, 6] });
    // Frequencies 7/12, 1/3, 1/2: the middle one is 1/2.
    [6 / 7, 3 / 2, 1].forEach((weight, label) => expect(medianFrequencyWeights(pixels)[label]).toBeCloseTo(weight, 12));
    [7, 2, 3].forEach((count, label) => expect(enetWeights(pixels)[label]).toBeCloseTo(1 / Math.log(1.02 + count / 12), 12));
  });

  it('of a class that never occurs are 0, and 50.5', () => {
    const pixels = { own: [5, 0], around: [5, 0] };
    expect(medianFrequencyWeights(pixels)).toEqual([1, 0]);
    expect(enetWeights(pixels)[1]).toBeCloseTo(50.5, 1);
  });
});

describe('CamVid', () => {
  async function layout(root: string, list?: string): Promise<void> {
    const mask = Array.from({ length: 3 }, () => [0, 10, 11, 3]);
    const { bytes, maskBytes } = await pair(mask);
    const files: Record<string, string | Uint8Array> = {
      'train/a.png': bytes,
      'trainannot/a.png': maskBytes,
      'train/b.png': bytes,
      'train/notes.txt': 'no picture',
      ...(list === undefined ? {} : { 'train.txt': list }),
    };
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    }
  }

  it('is read from a folder, with and without a list', async () => {
    const broken: Broken[] = [];
    const onBroken = (...line: Broken): number => broken.push(line);
    const [plain, list] = [join(folder, 'plain'), join(folder, 'list')];
    await layout(plain);
    await layout(list, 'train/a.png trainannot/a.png\r\ntrain/c.png trainannot/a.png\ntrain/b.png\n\n');
    const found = await camvid(plain, 'train', { onBroken, pictureSize: [3, 4] });
    expect([found.size, found.classNames, found.ignored]).toEqual([1, camvidClasses, 11]);
    expect([...(await found.read(Int32Array.of(0))).masks.subarray(0, 4)]).toEqual([0, 10, 11, 3]);
    expect(await camvid(list, 'train', { onBroken })).toMatchObject({ size: 1, pictureSize: [360, 480] });
    expect(broken).toEqual([
      [join(plain, 'train/b.png'), 'it has no mask (trainannot/b.png)'],
      [join(list, 'train/c.png'), 'it is not there'],
      [join(list, 'train/b.png'), 'it has no mask (none is named)'],
    ]);
  });

  it('is read from an archive', async () => {
    await layout(join(folder, 'packed', 'CamVid'), 'train/a.png trainannot/a.png\n');
    await create({ file: join(folder, 'camvid.tar'), cwd: join(folder, 'packed') }, ['CamVid']);
    const data = await camvid(join(folder, 'camvid.tar'), 'train', { pictureSize: [3, 4] });
    expect([...(await data.read(Int32Array.of(0))).masks.subarray(0, 4)]).toEqual([0, 10, 11, 3]);
  });

  it('that is not there is refused with what is expected', async () => {
    await expect(camvid(join(folder, 'nowhere'), 'train')).rejects.toMatchObject({ code: 'DATASET_MISSING' });
    await expect(camvid(folder, 'val')).rejects.toThrow(/a picture with a mask in .*, val is not there[\s\S]*trainannot/);
  });

  const pack = sharedFile('data/camvid.tar');

  it.skipIf(pack === undefined)('has 101 pictures for validation in the shared pack (needs the shared data folder)', async () => {
    const data = await camvid(pack!, 'val', { pictureSize: [90, 120] });
    expect(data.size).toBe(101);
    const { masks, pixels } = await data.read(Int32Array.of(0, 100));
    expect([masks.length, pixels.length]).toEqual([2 * 90 * 120, 2 * 90 * 120 * 3]);
  });
});
