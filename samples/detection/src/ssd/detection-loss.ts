import type * as tf from '@tensorflow/tfjs-core';
import type { Objects } from '@nncf/datasets';
import type { Detector } from '@nncf/zoo';
import { focalDetectionLoss } from './focal-loss.ts';
import { anchorsOf, matchAnchors, type MatchingOptions } from './matching.ts';
import { multiboxLoss, type Predictions } from './multibox-loss.ts';

/** The loss that a detector was published with, of its outputs and the objects of each picture. */
export type DetectionLoss = (predictions: Predictions, objects: readonly Objects[]) => tf.Scalar;

/** RetinaNet asks anchors between the two thresholds for no answer (Lin et al. 2017, section 4). */
const FOCAL_MATCHING: MatchingOptions = { threshold: 0.5, background: 0.4 };

/** Matches objects to a detector's anchors and compares. */
export function detectionLoss({ anchors, scoring, loss }: Pick<Detector, 'anchors' | 'scoring' | 'loss'>): DetectionLoss {
  const places = anchorsOf(anchors);
  if (loss === 'focal')
    return (predictions, objects) => {
      const targets = objects.map((found) => matchAnchors(found, places, FOCAL_MATCHING));
      return focalDetectionLoss(predictions, targets);
    };
  return (predictions, objects) => {
    const targets = objects.map((found) => matchAnchors(found, places));
    return multiboxLoss(predictions, targets, { scoring });
  };
}
