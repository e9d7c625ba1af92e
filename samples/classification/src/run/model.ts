import { basename } from 'node:path';
import type * as tfl from '@tensorflow/tfjs-layers';
import { createModel, loadPretrained, loadWeights, pretrainedNames, zoo, type PretrainedName } from '@nncf/zoo';
import type { ImageDataset } from '@nncf/datasets';
import { frozenCopy } from '@nncf/distillation';
import { badSetting } from '@nncf/sample-training';
import type { Settings } from '../settings/settings.ts';
import type { Data } from './data.ts';

/** Pictures up to this height are for the variants with an early stride left out. */
const SMALL = 64;

/**
 * Builds a model of the zoo for a dataset and loads the given weights: a file of this program, or one of the published ones,
 * known by its name.
 * @throws NncfError `UNKNOWN_MODEL` with the known names; those of `loadWeights`
 */
export async function openModel(settings: Settings, data: ImageDataset): Promise<tfl.LayersModel> {
  const { weights } = settings;
  const published = weights === undefined ? undefined : publishedName(weights, settings.model);
  if (weights !== undefined && published !== undefined) return loadPretrained(published, weights);
  const model = createModel(variantOf(settings.model, data.imageShape[0]), {
    inputShape: data.imageShape,
    classes: settings.classes ?? data.classNames.length,
    width: settings.width,
    seed: settings.seed,
    initial: weights === undefined ? 'random' : 'zeros',
  });
  if (weights !== undefined) await loadWeights(model, weights);
  return model;
}

/**
 * The network that a training learns from, where it does: that of `distillation.weights`, else the model as its own weights were.
 * @throws NncfError `CONFIG_INVALID` when neither has trained weights
 */
export async function teacherOf(model: tfl.LayersModel, settings: Settings, data: Data): Promise<tfl.LayersModel | undefined> {
  const { distillation, weights } = settings;
  if (distillation === undefined) return undefined;
  if (distillation.weights !== undefined) return openModel({ ...settings, weights: distillation.weights }, data.train);
  if (weights !== undefined) return frozenCopy(model);
  throw badSetting('distillation needs a trained teacher', 'Give weights to start from, or "distillation": { "weights": … }.');
}

/** `mobilenet_v2` for 32 × 32 pixels is `mobilenet_v2_cifar`. */
function variantOf(name: string, height: number): string {
  const small = `${name}_cifar`;
  return height <= SMALL && Object.hasOwn(zoo, small) ? small : name;
}

/** `resnet20_cifar10.safetensors` holds the published weights of `resnet20`. */
function publishedName(file: string, model: string): PretrainedName | undefined {
  const stem = basename(file, '.safetensors');
  return pretrainedNames.find((name) => name === stem && name.startsWith(model));
}
