import type * as tfl from '@tensorflow/tfjs-layers';
import type { SegmentationDataset } from '@nncf/datasets';
import { badSetting } from '@nncf/sample-training';
import { icnet, loadWeights, unet, type ModelOptions } from '@nncf/zoo';
import type { Settings } from '../settings/settings.ts';

/** What decides a network besides its weights. */
export type NetworkSettings = Pick<Settings, 'model' | 'width' | 'depth' | 'seed'>;

const NETWORKS: Readonly<Record<string, (options: ModelOptions, settings: NetworkSettings) => tfl.LayersModel>> = {
  unet: (options, { depth }) => unet(depth === undefined ? options : { ...options, depth }),
  // Its small outputs are for training; the exported file leaves them out.
  icnet: (options) => icnet({ ...options, auxiliary: true }),
};

/**
 * Builds a network for a dataset and loads weights where they are given.
 * @throws NncfError `CONFIG_INVALID` for another name than `unet` and `icnet`; `INVALID_ARGUMENT` for a size that the network cannot halve; those of `loadWeights`
 */
export async function openModel(
  settings: NetworkSettings,
  data: SegmentationDataset,
  weights: string | undefined,
): Promise<tfl.LayersModel> {
  const build = Object.hasOwn(NETWORKS, settings.model) ? NETWORKS[settings.model] : undefined;
  if (build === undefined)
    throw badSetting(`there is no network called ${settings.model} for segmentation`, `Known are ${Object.keys(NETWORKS).join(', ')}.`);
  const { width, seed } = settings;
  const initial = weights === undefined ? 'random' : 'zeros';
  const options = { inputShape: [...data.pictureSize, 3], classes: data.classNames.length, width, seed, initial } as const;
  const model = build(options, settings);
  if (weights !== undefined) await loadWeights(model, weights);
  return model;
}
