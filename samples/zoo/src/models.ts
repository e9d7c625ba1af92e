import type * as tfl from '@tensorflow/tfjs-layers';
import { NncfError } from '@nncf/core';
import type { ModelOptions } from './builder.ts';
import { demoConvNet } from './demo-conv-net.ts';
import { denseNet121 } from './densenet.ts';
import { efficientNetB0 } from './efficientnet.ts';
import { inceptionV3 } from './inception-v3.ts';
import { mobileNetV1 } from './mobilenet-v1.ts';
import { mobileNetV2 } from './mobilenet-v2.ts';
import { mobileNetV3Large, mobileNetV3Small } from './mobilenet-v3.ts';
import { resnet18, resnet34, resnet50, resnext101x64x4d } from './resnet.ts';
import { resnet110, resnet20, resnet32, resnet44, resnet56 } from './resnet-cifar.ts';
import { resnet8 } from './resnet8.ts';
import { squeezeNet11 } from './squeezenet.ts';
import { vgg16 } from './vgg.ts';

/** Every classification model of the zoo by the name that a command line uses. */
export const zoo: Readonly<Record<string, (options?: ModelOptions) => tfl.LayersModel>> = {
  demo: demoConvNet,
  resnet8,
  resnet20,
  resnet32,
  resnet44,
  resnet56,
  resnet110,
  resnet18,
  resnet34,
  resnet50,
  resnext101_64x4d: resnext101x64x4d,
  resnet18_cifar: (options) => resnet18({ ...options, stem: 'cifar' }),
  mobilenet_v1: mobileNetV1,
  mobilenet_v2: mobileNetV2,
  mobilenet_v2_cifar: (options) => mobileNetV2({ ...options, variant: 'cifar' }),
  mobilenet_v3_small: mobileNetV3Small,
  mobilenet_v3_large: mobileNetV3Large,
  squeezenet1_1: squeezeNet11,
  efficientnet_b0: efficientNetB0,
  inception_v3: inceptionV3,
  densenet121: denseNet121,
  vgg16_bn: vgg16,
};

/**
 * Builds a model of the zoo by name.
 * @throws NncfError `UNKNOWN_MODEL` with the known names.
 */
export function createModel(name: string, options: ModelOptions = {}): tfl.LayersModel {
  const build = Object.hasOwn(zoo, name) ? zoo[name] : undefined;
  if (build !== undefined) return build(options);
  throw new NncfError({
    code: 'UNKNOWN_MODEL',
    source: 'zoo',
    message: `the zoo has no model called ${name}`,
    hint: `Known are ${Object.keys(zoo).join(', ')}.`,
  });
}
