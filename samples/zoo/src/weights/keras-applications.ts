import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';
import type { ModelOptions } from '../builder.ts';
import { denseNet121 } from '../densenet.ts';
import { efficientNetB0 } from '../efficientnet.ts';
import { inceptionV3 } from '../inception-v3.ts';
import { mobileNetV2 } from '../mobilenet-v2.ts';
import { resnet50 } from '../resnet.ts';
import { vgg16 } from '../vgg.ts';
import { importWeights, type OwnWeight, type WeightMap, type WeightRecipe } from './import-weights.ts';
import { efficientNetPlace, partsOf } from './layer-parts.ts';

/** Networks of Keras Applications whose weights the zoo takes. */
export type KerasApplicationName = 'resnet50' | 'mobilenet_v2' | 'vgg16' | 'densenet121' | 'inception_v3' | 'efficientnet_b0';

interface Application {
  /** The network with the padding and the strides that it has there. */
  build(options: ModelOptions): tfl.LayersModel;
  /** Keras's layer for one of the zoo. */
  layerOf(layer: string): string;
  /** Of its batch normalization; what is different here goes into the variances. */
  readonly epsilon?: number;
  /** Convolutions in front of batch normalization have biases there, which go into the means: the layer for one of batch normalization. */
  readonly biasedBefore?: (norm: string) => string;
  /** Keras numbers its layers as they come: `conv2d_7` is known by its place among those of the file. */
  readonly isNumbered?: boolean;
  readonly extra?: RegExp;
}

const APPLICATIONS: Readonly<Record<KerasApplicationName, Application>> = {
  resnet50: {
    build: (options) => resnet50({ ...options, stride: 'conv1' }),
    layerOf: resnetLayer,
    epsilon: 1.001e-5,
    biasedBefore: (norm) => norm.replace(/_bn$/, '_conv'),
  },
  mobilenet_v2: { build: (options) => mobileNetV2({ ...options, padding: 'same' }), layerOf: mobileNetLayer, epsilon: 1e-3 },
  vgg16: { build: (options) => vgg16({ ...options, batchNorm: false }), layerOf: vggLayer },
  densenet121: { build: denseNet121, layerOf: denseNetLayer, epsilon: 1.001e-5 },
  inception_v3: {
    build: (options) => inceptionV3({ ...options, means: 'inside' }),
    layerOf: inceptionLayer,
    epsilon: 1e-3,
    isNumbered: true,
  },
  efficientnet_b0: {
    build: (options) => efficientNetB0({ ...options, padding: 'same' }),
    layerOf: efficientNetLayer,
    epsilon: 1e-3,
    extra: /^normalization\//,
  },
};

/** Names that {@link loadKerasApplication} knows. */
export const kerasApplicationNames: readonly KerasApplicationName[] = Object.keys(APPLICATIONS) as KerasApplicationName[];

/**
 * Builds a network as Keras Applications has it, without the softmax at its end, and loads its weights from a `.h5` or `.keras` file. EfficientNet-B0 takes pictures that are normalized
 * already, the others as Keras's `preprocess_input` leaves them.
 * @param options number of classes, size of the picture (VGG: 224)
 * @throws NncfError `UNKNOWN_MODEL` for a name that is not in {@link kerasApplicationNames}; those of `importWeights`
 */
export async function loadKerasApplication(name: KerasApplicationName, file: string, options: ModelOptions = {}): Promise<tfl.LayersModel> {
  const model = applicationOf(name).build({ ...options, initial: 'zeros' });
  await importWeights(model, file, kerasApplicationMap(name));
  return model;
}

/** How the weights of a network of the zoo are called by Keras Applications, and what must be made of them. */
export function kerasApplicationMap(name: KerasApplicationName): WeightMap {
  const application = applicationOf(name);
  return {
    recipe: (weight) => recipeOf(weight, application.layerOf(weight.layer), application),
    extra: application.extra,
    renamed: (names) => renamed(names, application),
  };
}

function applicationOf(name: KerasApplicationName): Application {
  if (Object.hasOwn(APPLICATIONS, name)) return APPLICATIONS[name];
  throw new NncfError({
    code: 'UNKNOWN_MODEL',
    source: 'zoo',
    message: `there is no map of names for ${name}`,
    hint: `Known are ${kerasApplicationNames.join(', ')}.`,
  });
}

function recipeOf(weight: OwnWeight, layer: string, { epsilon, biasedBefore }: Application): WeightRecipe {
  const { variable, shape } = weight;
  const own = { key: `${layer}/${variable}`, shape };
  const asIs = { parts: [own], make: ([data]: readonly Float32Array[]) => data! };
  switch (variable) {
    case 'gamma':
      // Without a factor of its own it is 1.
      return { ...asIs, parts: [{ ...own, otherwise: 1 }] };
    case 'moving_variance':
      return { ...asIs, make: ([data]) => data!.map((value) => value + (epsilon ?? 0) - (weight.epsilon ?? 0)) };
    case 'moving_mean':
      return biasedBefore === undefined ? asIs : withoutBias([own, { key: `${biasedBefore(layer)}/bias`, shape }]);
    default:
      return asIs;
  }
}

/** The mean of what comes without the bias. */
function withoutBias(parts: WeightRecipe['parts']): WeightRecipe {
  return { parts, make: ([mean, bias]) => mean!.map((value, channel) => value - bias![channel]!) };
}

/** Names that the classifier has had; files are older than the present one. */
const CLASSIFIER = /^(probs|fc1000|Logits)\//;

function renamed(names: readonly string[], { isNumbered = false }: Application): ReadonlyMap<string, string> {
  const places = isNumbered ? numbered(names) : new Map<string, string>();
  return new Map(names.map((name) => [name, (places.get(name) ?? name).replace(CLASSIFIER, 'predictions/')]));
}

/** `conv2d_12/kernel` becomes `conv2d#7/kernel` where it is the eighth of its kind in the file. */
function numbered(names: readonly string[]): ReadonlyMap<string, string> {
  const layers = [...new Set(names.map((name) => name.slice(0, name.lastIndexOf('/'))))];
  const order = (layer: string): number => Number(/_(\d+)$/.exec(layer)?.[1] ?? 0);
  const places = new Map<string, string>();
  for (const kind of ['conv2d', 'batch_normalization']) {
    const own = layers.filter((layer) => new RegExp(`^${kind}(_\\d+)?$`).test(layer)).sort((a, b) => order(a) - order(b));
    own.forEach((layer, place) => places.set(layer, `${kind}#${place}`));
  }
  return new Map(
    names.map((name) => {
      const slash = name.lastIndexOf('/');
      const layer = name.slice(0, slash);
      return [name, `${places.get(layer) ?? layer}${name.slice(slash)}`];
    }),
  );
}

/** `layer2.0.downsample.1` is `conv3_block1_0_bn`. */
function resnetLayer(layer: string): string {
  if (layer === 'fc') return 'predictions';
  if (layer === 'conv1' || layer === 'bn1') return layer === 'conv1' ? 'conv1_conv' : 'conv1_bn';
  const [stage = '', block = '', part = '', place] = layer.split('.');
  const prefix = `conv${Number(stage.slice(-1)) + 1}_block${Number(block) + 1}`;
  if (part === 'downsample') return `${prefix}_0_${place === '0' ? 'conv' : 'bn'}`;
  return `${prefix}_${part.slice(-1)}_${part.startsWith('bn') ? 'bn' : 'conv'}`;
}

/** `block3.expand.bn` is `block_3_expand_BN`. */
function mobileNetLayer(layer: string): string {
  const { base, index, part, isNorm } = partsOf(layer);
  if (base === 'classifier') return 'predictions';
  if (base === 'stem') return isNorm ? 'bn_Conv1' : 'Conv1';
  if (base === 'head') return isNorm ? 'Conv_1_bn' : 'Conv_1';
  return `${index === 0 ? 'expanded_conv' : `block_${index}`}_${part}${isNorm ? '_BN' : ''}`;
}

/** Places of the convolutions in `features`, block by block. */
const VGG_BLOCKS = [
  [0, 2],
  [5, 7],
  [10, 12, 14],
  [17, 19, 21],
  [24, 26, 28],
];
const VGG_DENSE: Readonly<Record<string, string>> = { 'classifier.0': 'fc1', 'classifier.3': 'fc2', 'classifier.6': 'predictions' };

/** `features.5` is `block2_conv1`. */
function vggLayer(layer: string): string {
  const place = Number(layer.split('.')[1]);
  const block = VGG_BLOCKS.findIndex((places) => places.includes(place));
  return VGG_DENSE[layer] ?? `block${block + 1}_conv${(VGG_BLOCKS[block]?.indexOf(place) ?? 0) + 1}`;
}

const DENSENET: Readonly<Record<string, string>> = { conv0: 'conv1_conv', norm0: 'conv1_bn', norm5: 'bn', classifier: 'predictions' };
const DENSENET_PARTS: Readonly<Record<string, string>> = { norm1: '0_bn', conv1: '1_conv', norm2: '1_bn', conv2: '2_conv' };

/** `denseblock1.denselayer2.norm1` is `conv2_block2_0_bn`, `transition1.conv` is `pool2_conv`. */
function denseNetLayer(layer: string): string {
  const own = DENSENET[layer];
  if (own !== undefined) return own;
  const [block = '', second = '', part = ''] = layer.split('.');
  const next = Number(block.slice(-1)) + 1;
  if (block.startsWith('transition')) return `pool${next}_${second === 'norm' ? 'bn' : 'conv'}`;
  return `conv${next}_block${second.replace('denselayer', '')}_${DENSENET_PARTS[part]}`;
}

const five = ['branch1x1', 'branch5x5_1', 'branch5x5_2', 'branch3x3dbl_1', 'branch3x3dbl_2', 'branch3x3dbl_3', 'branch_pool'];
const seven = [
  'branch1x1',
  ...['1', '2', '3'].map((n) => `branch7x7_${n}`),
  ...['1', '2', '3', '4', '5'].map((n) => `branch7x7dbl_${n}`),
  'branch_pool',
];
const last = [
  'branch1x1',
  ...['1', '2a', '2b'].map((n) => `branch3x3_${n}`),
  ...['1', '2', '3a', '3b'].map((n) => `branch3x3dbl_${n}`),
  'branch_pool',
];

/** Convolutions of Inception-v3 in the order in which Keras makes them. */
const INCEPTION: readonly string[] = [
  'Conv2d_1a_3x3',
  'Conv2d_2a_3x3',
  'Conv2d_2b_3x3',
  'Conv2d_3b_1x1',
  'Conv2d_4a_3x3',
  ...['5b', '5c', '5d'].flatMap((module) => five.map((name) => `Mixed_${module}.${name}`)),
  ...['branch3x3', 'branch3x3dbl_1', 'branch3x3dbl_2', 'branch3x3dbl_3'].map((name) => `Mixed_6a.${name}`),
  ...['6b', '6c', '6d', '6e'].flatMap((module) => seven.map((name) => `Mixed_${module}.${name}`)),
  ...['branch3x3_1', 'branch3x3_2', ...['1', '2', '3', '4'].map((n) => `branch7x7x3_${n}`)].map((name) => `Mixed_7a.${name}`),
  ...['7b', '7c'].flatMap((module) => last.map((name) => `Mixed_${module}.${name}`)),
];

function inceptionLayer(layer: string): string {
  if (layer === 'fc') return 'predictions';
  const dot = layer.lastIndexOf('.');
  const kind = layer.slice(dot + 1) === 'bn' ? 'batch_normalization' : 'conv2d';
  return `${kind}#${INCEPTION.indexOf(layer.slice(0, dot))}`;
}

const EFFICIENT_PARTS: Readonly<Record<string, readonly [conv: string, norm: string]>> = {
  expand: ['expand_conv', 'expand_bn'],
  depthwise: ['dwconv', 'bn'],
  'se.reduce': ['se_reduce', ''],
  'se.expand': ['se_expand', ''],
  project: ['project_conv', 'project_bn'],
};

/** `block4.expand.bn` is `block3b_expand_bn`. */
function efficientNetLayer(layer: string): string {
  const { base, index, part, isNorm } = partsOf(layer);
  if (base === 'classifier') return 'predictions';
  if (base === 'stem' || base === 'head') return `${base === 'stem' ? 'stem' : 'top'}_${isNorm ? 'bn' : 'conv'}`;
  const [stage, place] = efficientNetPlace(index);
  return `block${stage + 1}${'abcd'[place]}_${EFFICIENT_PARTS[part]?.[isNorm ? 1 : 0]}`;
}
