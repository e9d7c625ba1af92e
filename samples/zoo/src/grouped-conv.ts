import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { oneShape, oneTensor } from './custom-layers.ts';

type Kernel = ReturnType<tfl.layers.Layer['addWeight']>;

/** A convolution in groups, without bias. */
export interface GroupedConvConfig {
  readonly name?: string;
  readonly filters: number;
  readonly groups: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: 'same' | 'valid';
  /** Seed of the first group's initial weights, the next ones follow; without it they are zeros. */
  readonly seed?: number;
}

/**
 * A convolution whose outputs of one group see the inputs of that group alone (Xie et al. 2016, arXiv 1611.05431). TensorFlow.js has no operation for it: channels are
 * split, each part is convolved with a kernel of its own (`kernel_0`, `kernel_1`, …) and the results are joined, which ONNX has as one convolution with
 * `group`.
 */
class GroupedConv2D extends tfl.layers.Layer {
  static className = 'GroupedConv2D';
  readonly #config: GroupedConvConfig;
  #kernels: readonly Kernel[] = [];

  constructor(config: GroupedConvConfig) {
    super(config.name === undefined ? {} : { name: config.name });
    this.#config = config;
  }

  override build(inputShape: tfl.Shape | tfl.Shape[]): void {
    const { groups, kernel, filters, seed } = this.#config;
    const shape = [kernel, kernel, (oneShape(inputShape).at(-1) ?? 0) / groups, filters / groups];
    this.#kernels = Array.from({ length: groups }, (_, group) => {
      const initial = seed === undefined ? tfl.initializers.zeros() : tfl.initializers.heNormal({ seed: seed + group });
      return this.addWeight(`kernel_${group}`, shape, 'float32', initial);
    });
    this.built = true;
  }

  override computeOutputShape(inputShape: tfl.Shape | tfl.Shape[]): tfl.Shape {
    const { kernel, stride, padding, filters } = this.#config;
    const [batch = null, ...sizes] = oneShape(inputShape);
    const reach = padding === 'same' ? 1 : kernel;
    const space = sizes.slice(0, 2).map((size) => (size === null ? null : Math.floor((size - reach) / stride) + 1));
    return [batch, ...space, filters];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const { groups, stride, padding } = this.#config;
    return tf.tidy(() => {
      const parts = tf.split<tf.Tensor4D>(oneTensor(inputs) as tf.Tensor4D, groups, -1);
      const results = parts.map((part, group) => tf.conv2d(part, this.#kernels[group]!.read() as tf.Tensor4D, stride, padding));
      return tf.concat(results, -1);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { seed: _, name: __, ...rest } = this.#config;
    return { ...super.getConfig(), ...rest };
  }
}

tf.serialization.registerClass(GroupedConv2D);

/** Layer that convolves in groups; registered for `tf.loadLayersModel`. */
export function groupedConv2d(config: GroupedConvConfig): tfl.layers.Layer {
  return new GroupedConv2D(config);
}
