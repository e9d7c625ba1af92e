import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';
import type { ModelOptions } from './builder.ts';
import { mobileNetV2 } from './mobilenet-v2.ts';
import { resnet20 } from './resnet-cifar.ts';
import { resnet8 } from './resnet8.ts';
import { squeezeNet11 } from './squeezenet.ts';
import { loadWeights, type LoadWeightsOptions } from './weights.ts';

/** Published weights that a model of the zoo takes as they are. */
export type PretrainedName = 'mobilenet_v2_1.0_224' | 'squeezenet1_1' | 'resnet20_cifar10' | 'resnet8_cifar10';

interface Pretrained extends LoadWeightsOptions {
  build(options: ModelOptions): tfl.LayersModel;
}

/** Layers of ResNet-8 under the automatic names of Keras that its file uses. */
const RESNET8_KERAS: Readonly<Record<string, string>> = {
  'stem.conv': 'conv2d',
  'stem.bn': 'batch_normalization',
  'stack1.conv1': 'conv2d_1',
  'stack1.bn1': 'batch_normalization_1',
  'stack1.conv2': 'conv2d_2',
  'stack1.bn2': 'batch_normalization_2',
  'stack2.conv1': 'conv2d_3',
  'stack2.bn1': 'batch_normalization_3',
  'stack2.conv2': 'conv2d_4',
  'stack2.bn2': 'batch_normalization_4',
  'stack2.shortcut': 'conv2d_5',
  'stack3.conv1': 'conv2d_6',
  'stack3.bn1': 'batch_normalization_5',
  'stack3.conv2': 'conv2d_7',
  'stack3.bn2': 'batch_normalization_6',
  'stack3.shortcut': 'conv2d_8',
  dense: 'dense',
};

const PRETRAINED: Readonly<Record<PretrainedName, Pretrained>> = {
  // The file's batch normalization is folded into biases.
  'mobilenet_v2_1.0_224': { build: (options) => mobileNetV2({ ...options, batchNorm: false }) },
  squeezenet1_1: { build: squeezeNet11 },
  resnet20_cifar10: { build: resnet20 },
  resnet8_cifar10: { build: resnet8, nameOf: resnet8KerasName },
};

/** Names that {@link loadPretrained} knows: those of the published files without `.safetensors`. */
export const pretrainedNames: readonly PretrainedName[] = Object.keys(PRETRAINED) as PretrainedName[];

/**
 * Builds the network of a published weights file and loads it.
 * @param file path of the `.safetensors` file
 * @throws NncfError `UNKNOWN_MODEL` for a name that is not in {@link pretrainedNames}, and those of `loadWeights`.
 */
export async function loadPretrained(name: PretrainedName, file: string): Promise<tfl.LayersModel> {
  const entry = Object.hasOwn(PRETRAINED, name) ? PRETRAINED[name] : undefined;
  if (entry === undefined) throw unknownPretrained(name);
  const model = entry.build({ initial: 'zeros' });
  await loadWeights(model, file, entry);
  return model;
}

/** The file's name of a weight of `resnet8`: `stack1.conv1.kernel` is `conv2d_1.kernel` there. */
export function resnet8KerasName(name: string): string {
  const dot = name.lastIndexOf('.');
  return `${RESNET8_KERAS[name.slice(0, dot)] ?? name.slice(0, dot)}${name.slice(dot)}`;
}

function unknownPretrained(name: string): NncfError {
  return new NncfError({
    code: 'UNKNOWN_MODEL',
    source: 'zoo',
    message: `there are no published weights called ${name}`,
    hint: `Known are ${pretrainedNames.join(', ')}.`,
  });
}
