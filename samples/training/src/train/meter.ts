import * as tf from '@tensorflow/tfjs-core';

/** Mean loss of the steps so far, and the share of right answers where they are counted. */
export interface MeterReading {
  readonly loss: number;
  readonly accuracy: number | undefined;
}

/** Sums figures of training steps on the device, so that a step does not wait for a number to come back. */
export class Meter {
  #sums: tf.Tensor1D = tf.zeros([2]);
  #steps = 0;
  #answers = 0;

  /** Takes over the scalars. */
  add(loss: tf.Scalar, answers?: { readonly hits: tf.Scalar; readonly count: number }): void {
    const sums = tf.tidy(() => tf.add(this.#sums, tf.stack([loss, answers?.hits ?? tf.scalar(0)])) as tf.Tensor1D);
    tf.dispose([this.#sums, loss, ...(answers === undefined ? [] : [answers.hits])]);
    this.#sums = sums;
    this.#steps += 1;
    this.#answers += answers?.count ?? 0;
  }

  /** Reads the means back: the one place where the program waits for the device. */
  async read(): Promise<MeterReading> {
    const [loss = 0, right = 0] = await this.#sums.data();
    return { loss: loss / Math.max(this.#steps, 1), accuracy: this.#answers === 0 ? undefined : right / this.#answers };
  }

  dispose(): void {
    this.#sums.dispose();
  }
}
