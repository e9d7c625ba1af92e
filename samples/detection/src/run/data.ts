import { cocoDataset, imagenetNormalization, vocDataset, type DetectionDataset, type Normalization } from '@nncf/datasets';
import type { Settings } from '../settings/settings.ts';

/** What is trained and evaluated on. */
export interface Data {
  readonly train: DetectionDataset;
  readonly test: DetectionDataset;
  /** The same for both, the background first. */
  readonly classNames: readonly string[];
}

/** Pixels from −1 to 1, as TensorFlow's MobileNets expect them. */
const symmetric: Normalization = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Normalization that a network expects. */
export function normalizationOf({ model }: Pick<Settings, 'model'>): Normalization {
  return model.includes('mobilenet') ? symmetric : imagenetNormalization;
}

/**
 * Opens both splits. Labels of COCO are its ids, so that published networks fit.
 * @throws NncfError `DATASET_MISSING`, `CORRUPT_FILE`
 */
export async function openData({ dataset, data, trainSplit, testSplit }: Settings): Promise<Data> {
  if (dataset === 'coco') {
    const [train, test] = await Promise.all([trainSplit, testSplit].map((split) => cocoDataset(data, split, { labels: 'id' })));
    return { train: train!, test: test!, classNames: train!.classNames };
  }
  const train = await vocDataset(data, trainSplit);
  const test = await vocDataset(data, testSplit, { classNames: train.classNames.slice(1) });
  return { train, test, classNames: train.classNames };
}
