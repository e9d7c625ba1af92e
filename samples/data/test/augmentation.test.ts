import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawColour, withColour } from '../src/colour.ts';
import { arrayBatches, imageFolder, rawPixels, subset, type Augmentation, type ImageDataset } from '../src/index.ts';
import { decodeRandomCrop, drawCrop } from '../src/random-crop.ts';
import { createRandom } from '../src/random.ts';

const SAME = { brightness: 1, contrast: 1, saturation: 1 };

describe('colours', () => {
  it.each([
    ['nothing', SAME, [10, 20, 30, 40, 50, 60], [10, 20, 30, 40, 50, 60]],
    ['brightness, cut at white', { ...SAME, brightness: 2 }, [10, 20, 30, 100, 127, 200], [20, 40, 60, 200, 254, 255]],
    // Luma 0.299·200 = 59.8, and 0; half the distance from their mean 29.9.
    ['contrast', { ...SAME, contrast: 0.5 }, [200, 0, 0, 0, 0, 0], [115, 15, 15, 15, 15, 15]],
    ['saturation, to grey', { ...SAME, saturation: 0 }, [255, 0, 0, 0, 255, 0], [76, 76, 76, 150, 150, 150]],
  ])('%s', (_name, factors, pixels, expected) => {
    expect([...withColour(Uint8Array.from(pixels), 3, factors)]).toEqual(expected);
  });

  it('of grey pictures have no saturation', () => {
    expect([...withColour(Uint8Array.from([10, 30]), 1, { brightness: 2, contrast: 2, saturation: 0 })]).toEqual([0, 80]);
  });

  it('are drawn within their reach', () => {
    const random = createRandom(1);
    const drawn = Array.from({ length: 1000 }, () => drawColour({ brightness: 0.4, saturation: 0.1 }, random));
    expect(drawn.every(({ contrast }) => contrast === 1)).toBe(true);
    const brightness = drawn.map((factors) => factors.brightness);
    expect(Math.min(...brightness)).toBeGreaterThanOrEqual(0.6);
    expect(Math.min(...brightness)).toBeLessThan(0.61);
    expect(Math.max(...brightness)).toBeGreaterThan(1.39);
    expect(Math.max(...drawn.map(({ saturation }) => saturation))).toBeLessThanOrEqual(1.1);
  });
});

describe('a random part', () => {
  it('lies in the picture, and has the area and the ratio that are asked for wherever that is possible', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 400 }), fc.integer({ min: 20, max: 400 }), fc.nat(), (width, height, seed) => {
        const box = drawCrop(width, height, {}, createRandom(seed));
        expect(Math.min(box.left, box.top)).toBeGreaterThanOrEqual(0);
        expect(box.left + box.width).toBeLessThanOrEqual(width);
        expect(box.top + box.height).toBeLessThanOrEqual(height);
        // Sides are whole pixels.
        expect(box.width / box.height).toBeGreaterThan(((3 / 4) * (box.width - 1)) / (box.width + 1));
        expect(box.width / box.height).toBeLessThan(((4 / 3) * (box.height + 1)) / (box.height - 1));
      }),
    );
  });

  it('of a strip is its middle', () => {
    expect(drawCrop(400, 30, { scale: [1, 1] }, createRandom(1))).toEqual({ left: 180, top: 0, width: 40, height: 30 });
    expect(drawCrop(30, 400, { scale: [1, 1] }, createRandom(1))).toEqual({ left: 0, top: 180, width: 30, height: 40 });
  });

  it('of all the area is the whole picture, scaled', async () => {
    const colours = Uint8Array.from({ length: 4 * 4 * 3 }, (_, i) => i * 5);
    const png = await sharp(colours, { raw: { width: 4, height: 4, channels: 3 } })
      .png()
      .toBuffer();
    const whole = { scale: [1, 1], ratio: [1, 1] } as const;
    expect([...(await decodeRandomCrop(png, 4, whole, createRandom(5)))]).toEqual([...colours]);
    expect(await decodeRandomCrop(png, 2, whole, createRandom(5))).toHaveLength(2 * 2 * 3);
  });
});

describe('batches of a folder', () => {
  let root: string;
  let pictures: ImageDataset;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'nncf-augmentation-'));
    await mkdir(join(root, 'train', 'noise'), { recursive: true });
    const noise = createRandom(1);
    for (let index = 0; index < 3; index++) {
      const pixels = Uint8Array.from({ length: 40 * 30 * 3 }, () => noise.below(256));
      await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } })
        .png()
        .toFile(join(root, 'train', 'noise', `${index}.png`));
    }
    pictures = await imageFolder(root, 'train', { size: 16, normalization: rawPixels });
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  async function first(dataset: ImageDataset, epoch: number, augment?: Augmentation): Promise<number[]> {
    const stream = arrayBatches(dataset, { batchSize: 3, seed: 7, epoch, ...(augment === undefined ? {} : { augment }) });
    for await (const { pixels } of stream) return [...pixels];
    return [];
  }

  it.each<[string, Augmentation]>([
    ['random parts', { resizedCrop: {} }],
    ['random colours', { colour: { brightness: 0.4, contrast: 0.4, saturation: 0.4 } }],
  ])('%s change with the epoch and with nothing else', async (_name, augment) => {
    const once = await first(pictures, 0, augment);
    expect(await first(pictures, 0, augment)).toEqual(once);
    expect(await first(pictures, 1, augment)).not.toEqual(once);
    expect(await first(pictures, 0)).not.toEqual(once);
  });

  it('a picture has the same random part in a subset', async () => {
    const whole = await first(pictures, 0, { resizedCrop: {} });
    const part = await first(subset(pictures, [2]), 0, { resizedCrop: {} });
    expect(part).toEqual(whole.slice(2 * 16 * 16 * 3));
  });
});
