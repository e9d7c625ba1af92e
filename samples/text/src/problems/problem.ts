import type { EncodedText } from '@nncf/datasets';
import type * as tf from '@tensorflow/tfjs-core';

/** What a network gives for one text: the values of each output. */
export type TextOutputs = readonly Float32Array[];

/** How good a network is. */
export interface Score {
  /** The figure that decides, 0 … 1, more is better. */
  readonly main: number;
  /** All figures, for people. */
  readonly text: string;
  /** What the network says of each text of the test part. */
  readonly predictions: readonly string[];
}

/** What a network is to learn: texts, what is right, and how far off an answer is. */
export interface Problem {
  /** What the network's last layers give. */
  readonly head: 'classification' | 'answer';
  readonly classes: number;
  /** Undefined where only the test part is wanted. */
  readonly train: readonly EncodedText[] | undefined;
  readonly test: readonly EncodedText[];
  /** For people: the names of the parts and how many texts they have. */
  readonly note: string;
  /** What is right for training texts at some places. */
  targets(indices: Int32Array): tf.Tensor;
  /** Mean loss of a batch. */
  loss(targets: tf.Tensor, outputs: readonly tf.Tensor[]): tf.Scalar;
  /** Number of texts of a batch that are answered rightly. */
  hits(targets: tf.Tensor, outputs: readonly tf.Tensor[]): tf.Scalar;
  /** Scores what a network gives for all texts of the test part. */
  score(outputs: readonly TextOutputs[]): Score;
}
