import type * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type Builder } from '../builder.ts';
import { mobileNetV1Blocks } from '../mobilenet-v1.ts';
import { scaleShapes } from './anchors.ts';
import { detectorOf, type Detector, type DetectorOptions } from './detector.ts';

/** Channels of the added pairs of convolutions at width 1: a 1 × 1, and a 3 × 3 that halves the picture. */
const EXTRAS: readonly (readonly [narrow: number, wide: number])[] = [
  [256, 512],
  [128, 256],
  [128, 256],
  [64, 128],
];

/**
 * SSD with MobileNet v1 (Howard et al. 2017, arXiv 1704.04861, section 4.6) as TensorFlow's detection zoo has it: 6.8 million parameters and 1.2
 * billion multiply-adds at width 1 and 300 × 300 pixels; 1,917 anchors. Layers: those of `mobileNetV1`, `extra0` … `extra3` with `narrow` and `wide`,
 * `head0` … `head5` with `boxes` and `classes` (1 × 1).
 * @returns a detector with a sigmoid for each class; input 300 × 300 × 3 and 91 classes (background and the ids of COCO) unless told otherwise
 */
export function ssdMobileNetV1(options: DetectorOptions = {}): Detector {
  const { inputShape = [300, 300, 3], classes = 91, width = 1, batchNorm = true } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const blocks = mobileNetV1Blocks(build, input, { width, padding: 'same', batchNorm });
  // The last maps of strides 16 and 32.
  const features = [blocks[10]!, blocks[12]!, ...addExtras(build, blocks[12]!, width, batchNorm)];
  const maps = features.map((map, place) => ({ features: map, shapes: scaleShapes(place, features.length) }));
  return detectorOf(build, { name: 'ssd_mobilenet_v1', input, maps, classes, kernel: 1, scoring: 'sigmoid' });
}

function addExtras(build: Builder, input: tfl.SymbolicTensor, width: number, batchNorm: boolean): tfl.SymbolicTensor[] {
  let x = input;
  const unit = (name: string, filters: number, kernel: number, stride: number): tfl.SymbolicTensor => {
    const y = build.conv(x, name, { filters: Math.round(filters * width), kernel, stride, bias: !batchNorm });
    return build.relu6(batchNorm ? build.batchNorm(y, `${name}.bn`, 1e-3) : y, `${name}.relu6`);
  };
  return EXTRAS.map(([narrow, wide], place) => {
    x = unit(`extra${place}.narrow`, narrow, 1, 1);
    x = unit(`extra${place}.wide`, wide, 3, 2);
    return x;
  });
}
