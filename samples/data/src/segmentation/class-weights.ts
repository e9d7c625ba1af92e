import { orderedIndices } from '../random.ts';
import type { SegmentationDataset } from './dataset.ts';

/** How often the classes occur. */
export interface ClassPixels {
  /** Pixels of each class. */
  readonly own: readonly number[];
  /** Pixels, ignored ones left out, of the pictures that each class occurs in. */
  readonly around: readonly number[];
}

/** Pictures read at the same time. */
const PART = 16;

/** Counts the pixels of every class. */
export async function countClassPixels(dataset: SegmentationDataset): Promise<ClassPixels> {
  const classes = dataset.classNames.length;
  const [own, around] = [zeros(classes), zeros(classes)];
  const area = dataset.pictureSize[0] * dataset.pictureSize[1];
  const order = orderedIndices(dataset.size);
  for (let start = 0; start < order.length; start += PART) {
    const { masks, indices } = await dataset.read(order.slice(start, start + PART));
    for (let place = 0; place < indices.length; place++) {
      const counts = countsOf(masks.subarray(place * area, (place + 1) * area), classes);
      const sum = counts.reduce((total, count) => total + count, 0);
      counts.forEach((count, label) => {
        own[label]! += count;
        if (count > 0) around[label]! += sum;
      });
    }
  }
  return { own, around };
}

function zeros(length: number): number[] {
  return Array.from({ length }, () => 0);
}

function countsOf(mask: Uint8Array, classes: number): number[] {
  const counts = zeros(classes);
  for (const label of mask) if (label < classes) counts[label]! += 1;
  return counts;
}

/**
 * Median-frequency balancing (Eigen and Fergus 2015, arXiv 1411.4734, section 6.3.2): the median of the frequencies by that of the class, where a
 * frequency is taken over the pictures that the class occurs in. A class that never occurs has weight 0.
 */
export function medianFrequencyWeights({ own, around }: ClassPixels): number[] {
  const frequencies = own.map((count, label) => (count === 0 ? 0 : count / around[label]!));
  const middle = median(frequencies.filter((frequency) => frequency > 0));
  return frequencies.map((frequency) => (frequency === 0 ? 0 : middle / frequency));
}

/** 1 / ln(1.02 + p), p the share of the class in all pixels (Paszke et al. 2016, ENet, arXiv 1606.02147, section 5.2): between 1.42 and 50.5. */
export function enetWeights({ own }: ClassPixels): number[] {
  const total = own.reduce((sum, count) => sum + count, 0);
  return own.map((count) => 1 / Math.log(1.02 + (total === 0 ? 0 : count / total)));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2 : sorted[Math.floor(middle)]!;
}
