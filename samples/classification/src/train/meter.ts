import * as tf from '@tensorflow/tfjs-core';

/** Mean loss and share of right answers of the steps since the last reset. */
export interface MeterReading {
  readonly loss: number;
  readonly accuracy: number;
}

/** Sums figures of training steps on the device, so that a step does not wait for a number to come back. */
export class Meter {
  #sums: tf.Tensor1D = tf.zeros([2]);
  #steps = 0;
  #images = 0;

  /** Takes over the two scalars. */
  add(loss: tf.Scalar, hits: tf.Scalar, images: number): void {
    const sums = tf.tidy(() => tf.add(this.#sums, tf.stack([loss, hits])) as tf.Tensor1D);
    tf.dispose([this.#sums, loss, hits]);
    this.#sums = sums;
    this.#steps += 1;
    this.#images += images;
  }

  /** Reads the means back: the one place where the program waits for the device. */
  async read(): Promise<MeterReading> {
    const [loss = 0, right = 0] = await this.#sums.data();
    return { loss: loss / Math.max(this.#steps, 1), accuracy: right / Math.max(this.#images, 1) };
  }

  dispose(): void {
    this.#sums.dispose();
  }
}
