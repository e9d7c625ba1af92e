import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataCacheDir } from './cache.ts';
import { createMemoryDataset, type MemoryDataset } from './dataset.ts';
import { corruptFile, datasetMissing } from './errors.ts';
import { imagenetNormalization } from './normalization.ts';

/** CIFAR-10's 50,000 training and 10,000 test pictures, 32 × 32 × 3, RGB (Krizhevsky 2009). */
export interface Cifar10 {
  readonly train: MemoryDataset;
  readonly test: MemoryDataset;
}

/** The two parts of CIFAR-10. */
export type Cifar10Split = keyof Cifar10;

/** Names of the ten classes, in the order of the labels. */
export const cifar10Classes: readonly string[] = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** Number of pictures, and sha256 of all pixels (uint8, NHWC) and of all labels (uint8) in the standard order. */
export const cifar10Splits: Readonly<Record<Cifar10Split, { count: number; pixels: string; labels: string }>> = {
  train: {
    count: 50_000,
    pixels: '47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a',
    labels: '2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253',
  },
  test: {
    count: 10_000,
    pixels: 'f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04',
    labels: 'cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5',
  },
};

/** Folder of the decoded pictures. */
export function cifar10Dir(): string {
  return join(dataCacheDir(), 'cifar10');
}

/** Names of the two files of a split, below its folder. */
export function cifar10Files(split: Cifar10Split): { pixels: string; labels: string } {
  return { pixels: `${split}.pixels.u8`, labels: `${split}.labels.u8` };
}

/**
 * Reads the decoded CIFAR-10 that `fetchCifar10` left in the cache, and verifies its checksums.
 * @param options.dir folder of the decoded files; by default {@link cifar10Dir}
 * @throws NncfError `DATASET_MISSING` when it was not fetched, `CORRUPT_FILE` when a checksum differs.
 */
export async function loadCifar10(options: { readonly dir?: string } = {}): Promise<Cifar10> {
  const dir = options.dir ?? cifar10Dir();
  const [train, test] = await Promise.all([readSplit(dir, 'train'), readSplit(dir, 'test')]);
  return { train, test };
}

/**
 * Compares bytes with a checksum.
 * @throws NncfError `CORRUPT_FILE` when they differ.
 */
export function checkSha256(bytes: Uint8Array, expected: string, file: string): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) throw corruptFile(file, `sha256 is ${found}, expected ${expected}`);
}

async function readSplit(dir: string, split: Cifar10Split): Promise<MemoryDataset> {
  const files = cifar10Files(split);
  const sums = cifar10Splits[split];
  const pixels = await readChecked(join(dir, files.pixels), sums.pixels);
  const labels = await readChecked(join(dir, files.labels), sums.labels);
  return createMemoryDataset({
    name: `CIFAR-10 ${split}`,
    imageShape: [32, 32, 3],
    classNames: cifar10Classes,
    normalization: imagenetNormalization,
    pixels,
    labels: Int32Array.from(labels),
  });
}

async function readChecked(file: string, sha256: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw datasetMissing(file, 'Fetch CIFAR-10 (139 MB) with: pnpm --filter @nncf/datasets run fetch:cifar10', cause);
  });
  checkSha256(bytes, sha256, file);
  return bytes;
}
