import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';
import type { ModelOptions } from '../builder.ts';
import { denseNet121 } from '../densenet.ts';
import { efficientNetB0 } from '../efficientnet.ts';
import { inceptionV3 } from '../inception-v3.ts';
import { mobileNetV2 } from '../mobilenet-v2.ts';
import { resnet18, resnet34, resnet50 } from '../resnet.ts';
import { vgg16 } from '../vgg.ts';
import { importWeights, type OwnWeight, type WeightMap, type WeightRecipe } from './import-weights.ts';
import { efficientNetPlace, partsOf } from './layer-parts.ts';
import { permuted } from './layout.ts';

/** Networks of torchvision whose weights the zoo takes. */
export type TorchvisionName =
  | 'resnet18'
  | 'resnet34'
  | 'resnet50'
  | 'mobilenet_v2'
  | 'vgg16_bn'
  | 'densenet121'
  | 'inception_v3'
  | 'efficientnet_b0';

interface Network {
  build(options: ModelOptions): tfl.LayersModel;
  /** torchvision's module for a layer of the zoo; the same name by default. */
  readonly moduleOf?: (layer: string) => string;
  readonly extra?: RegExp;
}

const NETWORKS: Readonly<Record<TorchvisionName, Network>> = {
  resnet18: { build: resnet18 },
  resnet34: { build: resnet34 },
  resnet50: { build: resnet50 },
  mobilenet_v2: { build: mobileNetV2, moduleOf: mobileNetModule },
  vgg16_bn: { build: vgg16 },
  densenet121: { build: denseNet121, moduleOf: (layer) => (layer === 'classifier' ? layer : `features.${layer}`) },
  inception_v3: { build: inceptionV3, extra: /^AuxLogits\./ },
  efficientnet_b0: { build: efficientNetB0, moduleOf: efficientNetModule },
};

/** Names that {@link loadTorchvision} knows. */
export const torchvisionNames: readonly TorchvisionName[] = Object.keys(NETWORKS) as TorchvisionName[];

/**
 * Builds a network as torchvision has it and loads its `state_dict` from a safetensors file. Inputs are normalized as torchvision's are; for Inception-v3 torchvision transforms its
 * own published weights' input once more (`transform_input`).
 * @param options number of classes, size of the picture (VGG: 224)
 * @throws NncfError `UNKNOWN_MODEL` for a name that is not in {@link torchvisionNames}; those of `importWeights`
 */
export async function loadTorchvision(name: TorchvisionName, file: string, options: ModelOptions = {}): Promise<tfl.LayersModel> {
  const { build } = networkOf(name);
  const model = build({ ...options, initial: 'zeros' });
  await importWeights(model, file, torchvisionMap(name));
  return model;
}

/** How the weights of a network of the zoo are called and laid out by torchvision. */
export function torchvisionMap(name: TorchvisionName): WeightMap {
  const { moduleOf = (layer: string) => layer, extra } = networkOf(name);
  return { extra, recipe: (weight) => recipeOf(weight, moduleOf(weight.layer)) };
}

function networkOf(name: TorchvisionName): Network {
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name];
  throw new NncfError({
    code: 'UNKNOWN_MODEL',
    source: 'zoo',
    message: `there is no map of names for ${name}`,
    hint: `Known are ${torchvisionNames.join(', ')}.`,
  });
}

const VARIABLES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  bias: 'bias',
  gamma: 'weight',
  beta: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
};

function recipeOf(weight: OwnWeight, module: string): WeightRecipe {
  const key = `${module}.${VARIABLES[weight.variable] ?? weight.variable}`;
  const { shape, perm, view = shape } = layoutOf(weight);
  const make = ([data]: readonly Float32Array[]): Float32Array => (perm === undefined ? data! : permuted(data!, view, perm));
  return { parts: [{ key, shape }], make };
}

interface Layout {
  /** Of the tensor in the file. */
  readonly shape: readonly number[];
  /** The same with flattened axes apart. */
  readonly view?: readonly number[];
  readonly perm?: readonly number[];
}

/** PyTorch has outputs first, channels before height and width. */
function layoutOf({ kind, shape, flattened }: OwnWeight): Layout {
  const [a = 1, b = 1, c = 1, d = 1] = shape;
  if (kind === 'convolution') return { shape: [d, c, a, b], perm: [2, 3, 1, 0] };
  if (kind === 'depthwise') return { shape: [c * d, 1, a, b], perm: [2, 3, 0, 1] };
  if (kind === 'vector') return { shape };
  if (flattened === undefined) return { shape: [b, a], perm: [1, 0] };
  const [height = 1, width = 1, channels = 1] = flattened;
  return { shape: [b, a], view: [b, channels, height, width], perm: [2, 3, 1, 0] };
}

/** `block3.expand.bn` is `features.4.conv.0.1`. */
function mobileNetModule(layer: string): string {
  const { base, index, part, isNorm } = partsOf(layer);
  if (base === 'classifier') return 'classifier.1';
  if (base === 'stem' || base === 'head') return `features.${base === 'stem' ? 0 : 18}.${isNorm ? 1 : 0}`;
  const steps = index === 0 ? ['depthwise', 'project'] : ['expand', 'depthwise', 'project'];
  const place = steps.indexOf(part);
  // The last convolution stands without a ReLU, and so without a group of its own.
  const inner = part === 'project' ? String(place + (isNorm ? 1 : 0)) : `${place}.${isNorm ? 1 : 0}`;
  return `features.${index + 1}.conv.${inner}`;
}

/** `block3.se.reduce` is `features.3.0.block.2.fc1`. */
function efficientNetModule(layer: string): string {
  const { base, index, part, isNorm } = partsOf(layer);
  if (base === 'classifier') return 'classifier.1';
  if (base === 'stem' || base === 'head') return `features.${base === 'stem' ? 0 : 8}.${isNorm ? 1 : 0}`;
  const [stage, place] = efficientNetPlace(index);
  const steps = index === 0 ? ['depthwise', 'se', 'project'] : ['expand', 'depthwise', 'se', 'project'];
  const [step = '', inner] = part.split('.');
  const at = steps.indexOf(step);
  const inside = step === 'se' ? (inner === 'reduce' ? 'fc1' : 'fc2') : isNorm ? '1' : '0';
  return `features.${stage + 1}.${place}.block.${at}.${inside}`;
}
