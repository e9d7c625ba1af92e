import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { oneShape, oneTensor } from './custom-layers.ts';

/** Size that a picture gets, and how. */
export interface ResizeConfig {
  readonly name?: string;
  readonly height: number;
  readonly width: number;
  /**
   * `bilinear` with the corners of both pictures on each other, as the publications of segmentation networks have it (the only kind whose
   * gradient every backend has right); `nearest` rounds coordinates down, as PyTorch does.
   */
  readonly method: 'bilinear' | 'nearest';
}

/** Gives pictures a size, whatever they have; the built-in upsampling knows whole factors alone. */
class Resize extends tfl.layers.Layer {
  static className = 'ResizeTo';
  readonly #config: ResizeConfig;

  constructor(config: ResizeConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.#config = config;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const shape = oneShape(inputShape);
    return [shape[0] ?? null, this.#config.height, this.#config.width, shape[3] ?? null];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { height, width, method } = this.#config;
    const x = oneTensor(inputs) as tf.Tensor4D;
    return method === 'bilinear' ? tf.image.resizeBilinear(x, [height, width], true) : tf.image.resizeNearestNeighbor(x, [height, width]);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { height, width, method } = this.#config;
    return { ...super.getConfig(), height, width, method };
  }
}

tf.serialization.registerClass(Resize);

/** Layer that resizes pictures `[batch, height, width, channels]`; registered for `tf.loadLayersModel`. */
export function resize(config: ResizeConfig): tfl.layers.Layer {
  return new Resize(config);
}
