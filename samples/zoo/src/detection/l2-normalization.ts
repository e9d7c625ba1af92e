import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { oneShape, oneTensor } from '../custom-layers.ts';

/** What {@link l2Normalization} is made from. */
interface L2NormalizationConfig {
  readonly name?: string;
  /** Factor of every channel before training. @default 20 */
  readonly initial?: number;
}

const EPSILON = 1e-10;

/** x / ‖x‖₂ over the channels of every pixel, times a learned factor for each channel. */
class L2Normalization extends tfl.layers.Layer {
  static className = 'L2Normalization';
  readonly #initial: number;
  #scale: tfl.LayerVariable | undefined;

  constructor(config: L2NormalizationConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.#initial = config.initial ?? 20;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const channels = oneShape(inputShape).at(-1) ?? 1;
    this.#scale = this.addWeight('scale', [channels], 'float32', tfl.initializers.constant({ value: this.#initial }));
    super.build(inputShape);
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    return oneShape(inputShape);
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = oneTensor(inputs);
      const inverse = tf.rsqrt(tf.add(tf.sum(tf.square(x), -1, true), EPSILON));
      return tf.mul(tf.mul(x, inverse), this.#scale!.read());
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), initial: this.#initial };
  }
}

tf.serialization.registerClass(L2Normalization);

/**
 * Layer that brings the features of an early convolution to the size of the later ones (Liu et al. 2015, arXiv 1506.04579, section 3.3; SSD starts
 * its factors at 20); registered for `tf.loadLayersModel`.
 */
export function l2Normalization(config: L2NormalizationConfig): tfl.layers.Layer {
  return new L2Normalization(config);
}
