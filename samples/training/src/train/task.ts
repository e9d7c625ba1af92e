import type * as tf from '@tensorflow/tfjs-core';
import type * as tfl from '@tensorflow/tfjs-layers';

/** Batches of one epoch. A batch is disposed when the next one is asked for. */
export interface Epoch<Batch> extends AsyncIterable<Batch> {
  /** Number of batches. */
  readonly size: number;
}

/** A moment of a run. */
export interface Moment {
  /** In epochs; 1.5 is the middle of the second one. */
  readonly progress: number;
  /** Steps since the start of the epoch. */
  readonly step: number;
}

/** What a step computes; all of it belongs to the loop. */
export interface StepOutcome {
  /** Of the batch, without the terms of the compression. */
  readonly loss: tf.Scalar;
  /** Number of right answers, only to be shown. */
  readonly hits?: tf.Scalar;
  /** Number of answers. */
  readonly count?: number;
}

/** What a network is trained for: classification, detection, … */
export interface Task<Batch> {
  /** Training batches of an epoch, counted from 0, in an order of its own. */
  epoch(epoch: number): Epoch<Batch>;
  /** Runs the network on a batch; recorded for the gradient. */
  step(model: tfl.LayersModel, batch: Batch, at: Moment): StepOutcome;
  /** Score on the test data, 0 … 1, more is better; undefined where there are none. */
  readonly evaluate?: ((model: tfl.LayersModel) => Promise<number>) | undefined;
}
