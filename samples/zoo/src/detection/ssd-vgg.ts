import type * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder } from '../builder.ts';
import { priorShapes, type SsdPriors } from './anchors.ts';
import { detectorOf, type Detector, type DetectorOptions, type FeatureMap } from './detector.ts';
import { l2Normalization } from './l2-normalization.ts';

/** What an SSD with VGG-16 can be asked for. */
export interface SsdVggOptions extends DetectorOptions {
  /** Sizes of the anchors where they are not those of the publication for Pascal VOC. */
  readonly priors?: Partial<SsdPriors>;
}

/** Anchors for Pascal VOC: the publication's scales 0.1 for `conv4_3` and 0.2 … 0.9. */
const PRIORS_300: SsdPriors = {
  steps: [8, 16, 32, 64, 100, 300],
  minSizes: [30, 60, 111, 162, 213, 264],
  maxSizes: [60, 111, 162, 213, 264, 315],
  aspectRatios: [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
};

/** The same for 512 pixels: 0.07 for `conv4_3` and 0.15 … 0.9. */
const PRIORS_512: SsdPriors = {
  steps: [8, 16, 32, 64, 128, 256, 512],
  minSizes: [35.84, 76.8, 153.6, 230.4, 307.2, 384, 460.8],
  maxSizes: [76.8, 153.6, 230.4, 307.2, 384, 460.8, 537.6],
  aspectRatios: [[2], [2, 3], [2, 3], [2, 3], [2, 3], [2], [2]],
};

/** An added pair of convolutions: channels of the 1 × 1, channels, kernel, stride and padding of the second. */
type Extra = readonly [narrow: number, wide: number, kernel: number, stride: number, padding: number];

const EXTRAS_300: readonly Extra[] = [
  [256, 512, 3, 2, 1],
  [128, 256, 3, 2, 1],
  [128, 256, 3, 1, 0],
  [128, 256, 3, 1, 0],
];

const EXTRAS_512: readonly Extra[] = [
  [256, 512, 3, 2, 1],
  [128, 256, 3, 2, 1],
  [128, 256, 3, 2, 1],
  [128, 256, 3, 2, 1],
  [128, 256, 4, 1, 1],
];

/** Channels of VGG-16's convolutions `conv1_1` … `conv5_3` (Simonyan and Zisserman 2014, arXiv 1409.1556, column D). */
const VGG16 = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

/**
 * SSD300 with VGG-16 (Liu et al. 2015, arXiv 1512.02325): 26.3 million parameters for 21 classes without batch normalization, 34.9 billion
 * multiply-adds for 91; 8,732 anchors. Layers: `conv1_1` … `conv5_3`, `fc6` (dilation 6), `fc7`, `conv8_1` … `conv11_2`, `conv4_3.norm`, `head0` …
 * `head5` with `boxes` and `classes`. Convolutions before `conv8_1` have batch normalization unless told otherwise.
 * @returns a detector with softmax; input 300 × 300 × 3 and 21 classes (background and the twenty of Pascal VOC) unless told otherwise
 */
export function ssd300Vgg(options: SsdVggOptions = {}): Detector {
  return ssdVgg('ssd300_vgg', EXTRAS_300, { ...PRIORS_300, ...options.priors }, { inputShape: [300, 300, 3], ...options });
}

/**
 * SSD512 with VGG-16: as {@link ssd300Vgg} with a seventh feature map and 24,564 anchors.
 * @returns a detector with softmax; input 512 × 512 × 3 and 21 classes unless told otherwise
 */
export function ssd512Vgg(options: SsdVggOptions = {}): Detector {
  return ssdVgg('ssd512_vgg', EXTRAS_512, { ...PRIORS_512, ...options.priors }, { inputShape: [512, 512, 3], ...options });
}

function ssdVgg(name: string, extras: readonly Extra[], priors: SsdPriors, options: SsdVggOptions): Detector {
  const { inputShape = [300, 300, 3], classes = 21, width = 1, batchNorm = true } = options;
  const [height, length] = inputShape;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const early = vgg(build, input, { width, batchNorm });
  const features = [...early, ...addExtras(build, early[1]!, extras, width)];
  const maps = features.map((map, place): FeatureMap => {
    const step = priors.steps[place] ?? 0;
    return { features: map, shapes: priorShapes(priors, place, [height, length]), step: [step / height, step / length] };
  });
  return detectorOf(build, { name, input, maps, classes, kernel: 3, scoring: 'softmax', clip: priors.clip ?? false });
}

interface VggSpec {
  readonly width: number;
  readonly batchNorm: boolean;
}

/** VGG-16 up to its two dense layers, which are convolutions here; outputs of `conv4_3`, normalized, and of `fc7`. */
function vgg(build: Builder, input: tfl.SymbolicTensor, spec: VggSpec): [tfl.SymbolicTensor, tfl.SymbolicTensor] {
  let x = input;
  let early = input;
  VGG16.forEach((channels, stage) => {
    channels.forEach((filters, place) => (x = unit(build, x, `conv${stage + 1}_${place + 1}`, { ...spec, filters, kernel: 3 })));
    if (stage === 3) early = x;
    // A picture of 75 pixels becomes one of 38: the pooling rounds up.
    x = stage === 4 ? build.maxPool(x, 'pool5', 3, 1, 'same') : build.maxPool(x, `pool${stage + 1}`, 2, 2, 'same');
  });
  x = unit(build, x, 'fc6', { ...spec, filters: 1024, kernel: 3, dilation: 6 });
  x = unit(build, x, 'fc7', { ...spec, filters: 1024, kernel: 1 });
  return [l2Normalization({ name: 'conv4_3.norm' }).apply(early) as tfl.SymbolicTensor, x];
}

interface UnitSpec extends VggSpec {
  readonly filters: number;
  readonly kernel: number;
  readonly dilation?: number;
}

function unit(build: Builder, x: tfl.SymbolicTensor, name: string, spec: UnitSpec): tfl.SymbolicTensor {
  const { kernel, dilation = 1, batchNorm } = spec;
  const filters = Math.round(spec.filters * spec.width);
  const y = build.conv(x, name, { filters, kernel, dilation, bias: !batchNorm });
  return build.relu(batchNorm ? build.batchNorm(y, `${name}.bn`) : y, `${name}.relu`);
}

/** Ever smaller feature maps: a 1 × 1 convolution and one that shrinks the picture, for each. */
function addExtras(build: Builder, input: tfl.SymbolicTensor, extras: readonly Extra[], width: number): tfl.SymbolicTensor[] {
  let x = input;
  return extras.map(([narrow, wide, kernel, stride, padding], place) => {
    const name = `conv${place + 8}`;
    const conv = { bias: true, activation: 'relu' } as const;
    x = build.conv(x, `${name}_1`, { ...conv, filters: Math.round(narrow * width), kernel: 1 });
    x = build.conv(x, `${name}_2`, {
      ...conv,
      filters: Math.round(wide * width),
      kernel,
      stride,
      padding: padding === 0 ? 'valid' : padding,
    });
    return x;
  });
}
