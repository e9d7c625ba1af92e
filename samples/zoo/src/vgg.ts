import * as tfl from '@tensorflow/tfjs-layers';
import { createBuilder, imageInput, type ModelOptions } from './builder.ts';

/** What VGG can be asked for. */
export interface VggOptions extends ModelOptions {
  /** @default true */
  readonly batchNorm?: boolean;
  /** Dropout behind the two hidden dense layers; the publication has 0.5. @default 0 */
  readonly dropout?: number;
}

/** Channels of the convolutions between two pools: column D of the paper's table 1. */
const STAGES: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];
const HIDDEN = 4096;

/**
 * VGG-16 with batch normalization (Simonyan and Zisserman 2014, arXiv 1409.1556, column D): 138.37 million parameters, 15.5 billion multiply-adds at 224 × 224. Layers
 * are numbered as in torchvision: `features.0` (convolution), `features.1` (its batch normalization), …, `classifier.0`, `classifier.3`, `classifier.6`; convolutions have
 * biases too.
 * @returns model with logits `[batch, classes]`; input 224 × 224 × 3 and 1000 classes unless told otherwise
 */
export function vgg16(options: VggOptions = {}): tfl.LayersModel {
  const { inputShape = [224, 224, 3], classes = 1000, width = 1, batchNorm = true, dropout = 0 } = options;
  const build = createBuilder(options);
  const input = imageInput(inputShape);
  const scaled = (channels: number): number => Math.round(channels * width);
  let x = input;
  let place = 0;
  const next = (): string => `features.${place++}`;
  for (const stage of STAGES) {
    for (const channels of stage) {
      x = build.conv(x, next(), { filters: scaled(channels), kernel: 3, bias: true });
      if (batchNorm) x = build.batchNorm(x, next());
      x = build.relu(x, next());
    }
    x = build.maxPool(x, next(), 2, 2);
  }
  x = build.flatten(x, 'flatten');
  for (const layer of [0, 3]) {
    x = build.relu(build.dense(x, `classifier.${layer}`, scaled(HIDDEN)), `classifier.${layer + 1}`);
    x = build.dropout(x, `classifier.${layer + 2}`, dropout);
  }
  return tfl.model({ name: batchNorm ? 'vgg16_bn' : 'vgg16', inputs: input, outputs: build.dense(x, 'classifier.6', classes) });
}
