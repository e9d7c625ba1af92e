import { basename } from 'node:path';
import { badSetting } from '@nncf/sample-training';
import { createDetector, loadSsdMobileNetCoco, loadWeights, type Detector } from '@nncf/zoo';
import type { Settings } from '../settings/settings.ts';

/** File of the network that TensorFlow's detection zoo published for COCO. */
const PUBLISHED = 'ssd_mobilenet_v1_0.75_300_coco';

/**
 * Builds a detector and loads its weights where a file is given: one that a run wrote, or the published one for COCO, of which everything but the
 * predictors of other classes is taken.
 * @param classes number of classes, the background included
 * @throws NncfError `UNKNOWN_MODEL`, `WEIGHTS_MISMATCH`, `FILE_UNREADABLE`, `CORRUPT_FILE`, `CONFIG_INVALID`
 */
export async function openModel(settings: Settings, classes: number, weights: string | undefined): Promise<Detector> {
  const { model, width, batchNorm, priors, size, seed } = settings;
  const shape = { inputShape: [...size, 3] as const, classes, seed };
  if (weights !== undefined && basename(weights, '.safetensors') === PUBLISHED) {
    if (!model.includes('mobilenet') || width !== 0.75 || batchNorm) throw otherNetwork(weights);
    return loadSsdMobileNetCoco(weights, shape);
  }
  const initial = weights === undefined ? 'random' : 'zeros';
  const detector = createDetector(model, { ...shape, width, batchNorm, priors, initial });
  if (weights !== undefined) await loadWeights(detector.model, weights);
  return detector;
}

function otherNetwork(weights: string): Error {
  return badSetting(
    `${weights} is of an SSD with MobileNet v1 of width 0.75, its batch normalization folded`,
    'Give "model": "ssd300_mobilenet_v1" and "model_params": { "width": 0.75, "batch_norm": false }.',
  );
}
