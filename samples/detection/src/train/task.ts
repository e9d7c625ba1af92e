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
import { detectionLoss } from '../ssd/detection-loss.ts';

/** How a detector is trained. */
export interface DetectionOptions {
  readonly detector: Pick<Detector, 'anchors' | 'scoring' | 'loss'>;
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

/** Trains a detector with the loss that it was published with. */
export function detection(options: DetectionOptions): Task<DetectionBatch> {
  const { detector, train, batchSize, size, normalization, augment, seed = 0, evaluate } = options;
  const lossOf = detectionLoss(detector);
  return {
    epoch: (epoch) => detectionBatches(train, { batchSize, size, normalization, augment, seed, epoch, shuffle: true, dropRemainder: true }),
    step: (model, { xs, objects }) => ({ loss: lossOf(predictBoxes(model, xs, true), objects) }),
    evaluate,
  };
}
