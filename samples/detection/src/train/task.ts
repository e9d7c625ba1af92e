import {
  detectionBatches,
  type DetectionAugmentation,
  type DetectionBatch,
  type DetectionDataset,
  type Normalization,
} from '@nncf/datasets';
import type { Task } from '@nncf/sample-training';
import type { Detector } from '@nncf/zoo';
import type * as tfl from '@tensorflow/tfjs-layers';
import { predictBoxes } from '../ssd/detect.ts';
import { anchorsOf, matchAnchors } from '../ssd/matching.ts';
import { multiboxLoss } from '../ssd/multibox-loss.ts';

/** How a detector is trained. */
export interface DetectionOptions {
  readonly detector: Pick<Detector, 'anchors' | 'scoring'>;
  readonly train: DetectionDataset;
  readonly batchSize: number;
  /** Height and width of the network's input. */
  readonly size: readonly [height: number, width: number];
  readonly normalization: Normalization;
  readonly augment?: DetectionAugmentation | undefined;
  /** Orders and augmentation. @default 0 */
  readonly seed?: number;
  /** Score after an epoch. */
  readonly evaluate?: ((model: tfl.LayersModel) => Promise<number>) | undefined;
}

/** SSD's loss on matched anchors. */
export function detection(options: DetectionOptions): Task<DetectionBatch> {
  const { detector, train, batchSize, size, normalization, augment, seed = 0, evaluate } = options;
  const anchors = anchorsOf(detector.anchors);
  return {
    epoch: (epoch) => detectionBatches(train, { batchSize, size, normalization, augment, seed, epoch, shuffle: true, dropRemainder: true }),
    step: (model, { xs, objects }) => {
      const targets = objects.map((found) => matchAnchors(found, anchors));
      return { loss: multiboxLoss(predictBoxes(model, xs, true), targets, { scoring: detector.scoring }) };
    },
    evaluate,
  };
}
