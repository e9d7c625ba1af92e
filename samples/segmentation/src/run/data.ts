import {
  camvid,
  countClassPixels,
  enetWeights,
  medianFrequencyWeights,
  segmentationToMemory,
  sharedFile,
  type SegmentationDataset,
} from '@nncf/datasets';
import { badSetting } from '@nncf/sample-training';
import type { Settings } from '../settings/settings.ts';

/** Training and test part of a dataset. */
export interface Data {
  readonly train: SegmentationDataset;
  readonly test: SegmentationDataset;
}

/** Pack beside the repository that stands in for a folder that is not given. */
const PACK = 'data/camvid.tar';

/**
 * Opens a dataset and keeps its pictures in memory, at the network's size.
 * @throws NncfError `CONFIG_INVALID` for another name than `camvid`, or no place; `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function openData(settings: Pick<Settings, 'dataset' | 'data' | 'pictureSize'>): Promise<Data> {
  const { dataset, pictureSize } = settings;
  if (dataset !== 'camvid') throw badSetting(`there is no dataset called ${dataset}`, 'Known is camvid.');
  const source = settings.data ?? sharedFile(PACK);
  if (source === undefined)
    throw badSetting('CamVid needs its path', 'Give --data <folder with train/ and trainannot/, or a tar file of CamVid>.');
  const [train, test] = await Promise.all((['train', 'test'] as const).map((split) => camvid(source, split, { pictureSize })));
  return { train: await segmentationToMemory(train!), test: await segmentationToMemory(test!) };
}

/** Weights of the classes, from the training pictures. */
export async function classWeightsOf(
  { classWeights }: Pick<Settings, 'classWeights'>,
  train: SegmentationDataset,
): Promise<readonly number[] | undefined> {
  if (classWeights === 'none') return undefined;
  const pixels = await countClassPixels(train);
  return classWeights === 'enet' ? enetWeights(pixels) : medianFrequencyWeights(pixels);
}
