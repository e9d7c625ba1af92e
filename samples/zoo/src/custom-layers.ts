import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

/** Number of zero channels in front of and behind the given ones. */
export interface ChannelPadConfig {
  readonly name?: string;
  readonly before: number;
  readonly after: number;
}

/** Adds zero channels: the parameter-free part of a ResNet's option A shortcut (He et al. 2015, section 4.2). */
class ChannelPad extends tfl.layers.Layer {
  static className = 'ChannelPad';
  readonly #before: number;
  readonly #after: number;

  constructor(config: ChannelPadConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.#before = config.before;
    this.#after = config.after;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const shape = oneShape(inputShape);
    return [...shape.slice(0, -1), (shape.at(-1) ?? 0) + this.#before + this.#after];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = oneTensor(inputs);
    const rest = Array.from({ length: x.rank - 1 }, (): [number, number] => [0, 0]);
    return tf.pad(x, [...rest, [this.#before, this.#after]]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), before: this.#before, after: this.#after };
  }
}

tf.serialization.registerClass(ChannelPad);

/** Layer that adds zero channels; registered for `tf.loadLayersModel`. */
export function channelPad(config: ChannelPadConfig): tfl.layers.Layer {
  return new ChannelPad(config);
}

/** The shape of a layer with one input. */
export function oneShape(shape: tfl.Shape | tfl.Shape[]): tfl.Shape {
  return Array.isArray(shape[0]) ? shape[0] : (shape as tfl.Shape);
}

/** The input of a layer with one input. */
export function oneTensor(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0]! : inputs;
}
