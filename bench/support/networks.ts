import { mobileNetV2, resnet18, resnet20, unet } from '@nncf/zoo';
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** A network whose training is measured. */
export interface BenchNetwork {
  readonly make: () => LayersModel;
  /** `[height, width, channels]` */
  readonly inputShape: readonly [number, number, number];
  readonly classes: number;
  /** One answer for every pixel. */
  readonly isDense?: boolean;
  /** Usual number of samples in a step. */
  readonly batch: number;
}

/** A quarter of CamVid's pictures, cut to multiples of 16. */
const QUARTER_CAMVID = [176, 240, 3] as const;

/** Networks by the names that the command line takes. */
export const NETWORKS: Readonly<Record<string, BenchNetwork>> = {
  resnet20: { make: () => resnet20(), inputShape: [32, 32, 3], classes: 10, batch: 64 },
  mobilenet_v2: { make: () => mobileNetV2({ variant: 'cifar', width: 0.5 }), inputShape: [32, 32, 3], classes: 10, batch: 64 },
  resnet18: { make: () => resnet18({ stem: 'cifar' }), inputShape: [32, 32, 3], classes: 10, batch: 32 },
  // A quarter of the publication's channels, as the peer has them.
  unet: { make: () => unet({ width: 0.25, inputShape: QUARTER_CAMVID }), inputShape: QUARTER_CAMVID, classes: 12, isDense: true, batch: 4 },
};

/** A network by name. @throws Error with the known names */
export function networkNamed(name: string): BenchNetwork {
  const found = NETWORKS[name];
  if (found !== undefined) return found;
  throw new Error(`There is no network ${name}; known are ${Object.keys(NETWORKS).join(', ')}.`);
}
