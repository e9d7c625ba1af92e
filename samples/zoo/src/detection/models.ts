import { NncfError } from '@nncf/core';
import type { Detector } from './detector.ts';
import { retinaNetResnet50, retinaNetResnext101 } from './retinanet.ts';
import { ssdMobileNetV1 } from './ssd-mobilenet.ts';
import { ssd300Vgg, ssd512Vgg, type SsdVggOptions } from './ssd-vgg.ts';

/** Every detector of the zoo by the name that a command line uses. */
export const detectors: Readonly<Record<string, (options?: SsdVggOptions) => Detector>> = {
  ssd300_vgg: ssd300Vgg,
  ssd512_vgg: ssd512Vgg,
  ssd300_mobilenet_v1: ssdMobileNetV1,
  retinanet_resnet50: retinaNetResnet50,
  retinanet_resnext101: retinaNetResnext101,
  ssd512_mobilenet_v1: (options) => ssdMobileNetV1({ inputShape: [512, 512, 3], ...options }),
};

/**
 * Builds a detector of the zoo by name.
 * @throws NncfError `UNKNOWN_MODEL` with the known names.
 */
export function createDetector(name: string, options: SsdVggOptions = {}): Detector {
  const build = Object.hasOwn(detectors, name) ? detectors[name] : undefined;
  if (build !== undefined) return build(options);
  throw new NncfError({
    code: 'UNKNOWN_MODEL',
    source: 'zoo',
    message: `the zoo has no detector called ${name}`,
    hint: `Known are ${Object.keys(detectors).join(', ')}.`,
  });
}
