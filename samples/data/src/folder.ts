import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from './dataset.ts';
import { createEncodedDataset, type DecodeOptions, type EncodedImage } from './encoded.ts';
import { datasetMissing, invalidArgument } from './errors.ts';

/** How a folder of pictures is read. */
export interface ImageFolderOptions extends DecodeOptions {
  /**
   * Classes in the order of their labels: give those of the training part to the others, in case one of them lacks a class.
   * @default the names of the subfolders, sorted
   */
  readonly classNames?: readonly string[];
}

const PICTURE = /\.(jpe?g|png|webp)$/i;

/**
 * Pictures of a folder, one subfolder for each class: `<root>/<split>/<class>/*.jpg` (also png, webp), the layout of ImageNet.
 * A picture that cannot be decoded is reported with its name and left out; other files are ignored.
 * @throws NncfError `DATASET_MISSING` when the folder holds no picture, `INVALID_ARGUMENT` for a class that is not in `classNames`.
 */
export async function imageFolder(root: string, split: string, options: ImageFolderOptions = {}): Promise<ImageDataset> {
  const folder = join(root, split);
  const found = await subfolders(folder);
  const classNames = options.classNames ?? found;
  const stranger = found.find((name) => !classNames.includes(name));
  if (stranger !== undefined) throw invalidArgument(`${join(folder, stranger)} is none of the classes ${classNames.join(', ')}`);
  const images = await Promise.all(found.map((name) => pictures(join(folder, name), classNames.indexOf(name))));
  if (images.flat().length === 0) throw missing(folder);
  return createEncodedDataset({ name: folder, classNames, images: images.flat() }, options);
}

async function subfolders(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw missing(folder, cause);
  });
  const folders = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink());
  return folders.map((entry) => entry.name).sort();
}

async function pictures(folder: string, label: number): Promise<EncodedImage[]> {
  const names = (await readdir(folder)).filter((name) => PICTURE.test(name)).sort();
  return names.map((name) => ({ file: join(folder, name), label }));
}

function missing(folder: string, cause?: unknown): Error {
  return datasetMissing(`a picture in ${folder}`, 'Pictures are expected as <root>/<split>/<class>/<name>.jpg.', cause);
}
