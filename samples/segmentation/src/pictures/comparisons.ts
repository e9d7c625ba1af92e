import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import { segmentationArrays, type PictureSize, type SegmentationArrays, type SegmentationDataset } from '@nncf/datasets';
import sharp from 'sharp';
import { predictPixels } from '../score/evaluate.ts';
import { colourMask } from './colours.ts';

/** Pixels between two pictures. */
const GAP = 4;

/**
 * Writes `<number>.png` for the first pictures of a dataset: side by side the picture, its true classes and those that each network gives, in colours.
 * @returns the files
 */
export async function drawComparisons(
  models: readonly tfl.LayersModel[],
  dataset: SegmentationDataset,
  folder: string,
  count: number,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for await (const batch of segmentationArrays(dataset, { batchSize: 1 })) {
    if (files.length >= count) break;
    const masks = [batch.masks, ...(await Promise.all(models.map((model) => predictPixels(model, batch))))];
    const panels = [photograph(batch, dataset), ...masks.map((mask) => colourMask(mask, dataset.classNames.length))];
    const file = join(folder, `${String(files.length + 1).padStart(3, '0')}.png`);
    await sideBySide(panels, dataset.pictureSize, file);
    files.push(file);
  }
  return files;
}

/** The picture as bytes again. */
function photograph({ pixels }: SegmentationArrays, { normalization: { mean, std } }: SegmentationDataset): Uint8Array {
  // Values between 0 and 255 but for rounding; the array's own clamping takes care of that.
  return new Uint8Array(Uint8ClampedArray.from(pixels, (value, at) => 255 * (value * std[at % 3]! + mean[at % 3]!)));
}

async function sideBySide(panels: readonly Uint8Array[], [height, width]: PictureSize, file: string): Promise<void> {
  const raw = { width, height, channels: 3 } as const;
  const placed = panels.map((panel, place) => ({ input: Buffer.from(panel), raw, top: 0, left: place * (width + GAP) }));
  const whole = { width: panels.length * (width + GAP) - GAP, height, channels: 3, background: 'white' } as const;
  await sharp({ create: whole }).composite(placed).png().toFile(file);
}
