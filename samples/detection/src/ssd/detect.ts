import * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';
import type { Detector } from '@nncf/zoo';
import { decodeBoxes } from './box-coder.ts';
import type { Predictions } from './multibox-loss.ts';
import { selectDetections, type Detections, type SelectionOptions } from './selection.ts';

/** What a network that was built as a detector says of pictures `[batch, height, width, 3]`. */
export function predictBoxes(model: tfl.LayersModel, xs: tf.Tensor, training = false): Predictions {
  const outputs = training ? model.apply(xs, { training: true }) : model.predict(xs);
  return predictionsOf(Array.isArray(outputs) ? (outputs as tf.Tensor[]) : []);
}

/** The two outputs of a detector. @throws TypeError when they are others */
export function predictionsOf([encodings, logits]: readonly tf.Tensor[]): Predictions {
  if (encodings instanceof tf.Tensor && logits instanceof tf.Tensor)
    return { encodings: encodings as tf.Tensor3D, logits: logits as tf.Tensor3D };
  throw new TypeError('The model has not the two outputs of a detector.');
}

/** Objects in pictures `[batch, height, width, 3]`, normalized; no tensor outlives the call. */
export async function detect(detector: Detector, xs: tf.Tensor, options: SelectionOptions = {}): Promise<Detections[]> {
  const [boxes, scores] = tf.tidy(() => {
    const { encodings, logits } = predictBoxes(detector.model, xs);
    const anchors = tf.tensor2d(detector.anchors, [detector.anchors.length / 4, 4]);
    return [decodeBoxes(encodings, anchors), detector.scoring === 'softmax' ? tf.softmax(logits) : tf.sigmoid(logits)];
  });
  const [edges, shares] = (await Promise.all([boxes.data(), scores.data()])) as [Float32Array, Float32Array];
  const [batch, anchors, classes] = scores.shape;
  tf.dispose([boxes, scores]);
  return Array.from({ length: batch }, (_, picture) =>
    selectDetections(
      edges.subarray(4 * anchors * picture, 4 * anchors * (picture + 1)),
      shares.subarray(classes * anchors * picture, classes * anchors * (picture + 1)),
      classes,
      options,
    ),
  );
}
