import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { detectionBatches, type DetectionDataset } from '@nncf/datasets';
import type { Detector } from '@nncf/zoo';
import sharp from 'sharp';
import type { EvaluationOptions } from '../run/evaluate.ts';
import { detect } from '../ssd/detect.ts';
import type { SelectionOptions } from '../ssd/selection.ts';
import { drawBoxes } from './draw-boxes.ts';

/** Pixels between two pictures. */
const GAP = 4;

/** What is drawn. */
export interface ComparisonOptions extends Pick<EvaluationOptions, 'size' | 'normalization'> {
  readonly selection: SelectionOptions;
  readonly folder: string;
  readonly count: number;
}

/**
 * Writes `<number>.png` for the first pictures of a dataset: side by side the picture with its true boxes and with those that each detector finds.
 * @returns the files
 */
export async function drawComparisons(
  detectors: readonly Detector[],
  dataset: DetectionDataset,
  options: ComparisonOptions,
): Promise<string[]> {
  const { size, normalization, selection, folder, count } = options;
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for await (const { xs, objects } of detectionBatches(dataset, { batchSize: 1, size, normalization })) {
    if (files.length >= count) break;
    const image = dataset.images[objects[0]!.index]!;
    const found = [];
    for (const detector of detectors) found.push((await detect(detector, xs, selection))[0]!);
    const bytes = await image.bytes();
    const { classNames } = dataset;
    const panels = await Promise.all([image, ...found].map((detections) => drawBoxes(bytes, { detections, classNames })));
    const file = join(folder, `${String(files.length + 1).padStart(3, '0')}.png`);
    await sideBySide(panels, image, file);
    files.push(file);
  }
  return files;
}

async function sideBySide(
  panels: readonly Buffer[],
  { width, height }: { readonly width: number; readonly height: number },
  file: string,
): Promise<void> {
  const placed = panels.map((input, place) => ({ input, top: 0, left: place * (width + GAP) }));
  const whole = { width: panels.length * (width + GAP) - GAP, height, channels: 3, background: 'white' } as const;
  await sharp({ create: whole }).composite(placed).png().toFile(file);
}
