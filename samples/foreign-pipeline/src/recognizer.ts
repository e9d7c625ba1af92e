import type { Dataset, TransferSpeechCommandRecognizer } from '@tensorflow-models/speech-commands';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { FRAMES } from './spoken-tones.ts';

/** The network that a recognizer trains. Its type keeps quiet about it. */
export function modelOf(recognizer: TransferSpeechCommandRecognizer): tfl.LayersModel {
  const model: unknown = Reflect.get(recognizer, 'model');
  if (model instanceof tfl.LayersModel) return model;
  throw new TypeError('The recognizer has no model yet: train it first.');
}

/** Normalized spectrograms and one-hot words, as the package feeds them to its model. */
export function tensorsOf(data: Dataset): { xs: tf.Tensor; ys: tf.Tensor } {
  return data.getData(undefined, { numFrames: FRAMES, hopFrames: FRAMES, shuffle: false }) as { xs: tf.Tensor; ys: tf.Tensor };
}

/** Spectrograms in batches of 32. */
export function* spectrogramsOf(data: Dataset): Generator<tf.Tensor> {
  const { xs, ys } = tensorsOf(data);
  try {
    for (let start = 0; start < xs.shape[0]!; start += 32) yield tf.slice(xs, [start], [Math.min(32, xs.shape[0]! - start)]);
  } finally {
    tf.dispose([xs, ys]);
  }
}

/** Share of right answers, 0 … 1. */
export function accuracyOf(recognizer: TransferSpeechCommandRecognizer, data: Dataset): number {
  return tf.tidy(() => {
    const { xs, ys } = tensorsOf(data);
    const answers = modelOf(recognizer).predict(xs) as tf.Tensor;
    return tf.mean(tf.cast(tf.equal(tf.argMax(answers, -1), tf.argMax(ys, -1)), 'float32')).dataSync()[0]!;
  });
}
