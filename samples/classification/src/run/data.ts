import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  cifarAugmentation,
  imageFolder,
  imagenetAugmentation,
  loadCifar10,
  loadMnist,
  type Augmentation,
  type ImageDataset,
} from '@nncf/datasets';
import { badSetting } from '@nncf/sample-training';
import type { Settings } from '../settings/settings.ts';

/** Training and test part of a dataset, and the augmentation that is usual for it. */
export interface Data {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly augment?: Augmentation;
}

/**
 * Opens a dataset: `mnist`, `cifar10`, or `folder` (`<data>/<split>/<class>/*.jpg`; splits train and val, or test), which is the layout of `imagenet`.
 * @throws NncfError `CONFIG_INVALID` for another name; `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function openData(settings: Pick<Settings, 'dataset' | 'data' | 'imageSize'>): Promise<Data> {
  const dir = settings.data === undefined ? {} : { dir: settings.data };
  switch (settings.dataset) {
    case 'mnist':
      return loadMnist(dir);
    case 'cifar10':
      return { ...(await loadCifar10(dir)), augment: cifarAugmentation };
    case 'folder':
    case 'imagenet':
      return openFolder(settings);
    default:
      throw unknownDataset(settings.dataset);
  }
}

/** Side from which on pictures are augmented as photographs are. */
const PHOTOGRAPH = 128;

/** Training pictures without augmentation are cut like those of the evaluation. */
async function openFolder({ data, imageSize }: Pick<Settings, 'data' | 'imageSize'>): Promise<Data> {
  if (data === undefined) throw badSetting('a folder of images needs its path', 'Give --data <folder with train/ and val/>.');
  const train = await imageFolder(data, 'train', { size: imageSize });
  const split = existsSync(join(data, 'val')) ? 'val' : 'test';
  const test = await imageFolder(data, split, { size: imageSize, classNames: train.classNames });
  return { train, test, augment: imageSize < PHOTOGRAPH ? { pad: Math.round(imageSize / 8), flip: true } : imagenetAugmentation };
}

function unknownDataset(name: string): Error {
  return badSetting(`there is no dataset called ${name}`, 'Known are mnist, cifar10, imagenet and folder (both with --data).');
}
