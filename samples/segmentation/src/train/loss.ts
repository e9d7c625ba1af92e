import * as tf from '@tensorflow/tfjs-core';

/** What the classes of pixels count. */
export interface PixelLossOptions {
  /** Weight of each class, `[classes]`. @default 1 each */
  readonly weights?: tf.Tensor1D | undefined;
}

/** Keeps the mean of no pixel at all at 0. */
const TINY = 1e-12;

/**
 * Mean cross entropy of pixels, each with the weight of its class: −Σ w·log p / Σ w. Pixels whose class is none of the logits' count nothing; with none
 * left the loss is 0.
 *
 * @param logits `[batch, height, width, classes]`
 * @param labels int32, `[batch, height, width]`
 */
export function pixelCrossEntropy(logits: tf.Tensor, labels: tf.Tensor, { weights }: PixelLossOptions = {}): tf.Scalar {
  return tf.tidy(() => {
    const plain = hotLabels(labels, logits.shape.at(-1) ?? 1);
    const hot = weights === undefined ? plain : tf.mul(plain, weights);
    const sum = tf.sum(tf.mul(hot, tf.logSoftmax(logits)));
    return tf.neg(tf.div(sum, tf.maximum(tf.sum(hot), TINY))) as tf.Scalar;
  });
}

/** One-hot classes, float32; all zeros where the class is none of them. */
function hotLabels(labels: tf.Tensor, classes: number): tf.Tensor {
  return tf.cast(tf.oneHot(tf.cast(labels, 'int32'), classes), 'float32');
}

/** Shares of the auxiliary outputs in ICNet's loss, after the main one with 1 (Zhao et al. 2017, section 4.1). */
export const icnetAuxiliary: readonly number[] = [0.4, 0.16];

/**
 * Loss of all outputs: the first counts 1, the others what `auxiliary` says, compared with the classes at their own size.
 *
 * @param outputs logits, `[batch, height / k, width / k, classes]` each, k a whole number
 * @param labels int32, `[batch, height, width]`
 */
export function segmentationLoss(
  outputs: readonly tf.Tensor[],
  labels: tf.Tensor3D,
  auxiliary: readonly number[],
  options: PixelLossOptions = {},
): tf.Scalar {
  return tf.tidy(() => {
    const terms = outputs.map((logits, place) => {
      const loss = pixelCrossEntropy(logits, labelsAt(labels, logits.shape), options);
      return place === 0 ? loss : tf.mul(loss, auxiliary[place - 1] ?? 0);
    });
    return tf.reshape(tf.addN(terms), []);
  });
}

/** Every k-th label, from the middle. */
function labelsAt(labels: tf.Tensor3D, [, height = 1, width = 1]: readonly number[]): tf.Tensor {
  const [batch, rows, columns] = labels.shape;
  if (rows === height && columns === width) return labels;
  const steps = [rows / height, columns / width].map(Math.floor) as [number, number];
  const begin = [0, ...steps.map((step) => Math.floor(step / 2))];
  return tf.stridedSlice(labels, begin, [batch, rows, columns], [1, ...steps]);
}

/** Number of pixels whose highest logit is at the label; those with a class of their own never are. */
export function pixelHits(logits: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  return tf.tidy(() => tf.sum(tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32')));
}
