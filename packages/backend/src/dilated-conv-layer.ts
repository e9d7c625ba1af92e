/** Dilated `tf.layers.conv2d` under gradients: the layer's fused convolution refuses them, the plain one has them (dilated-gradients.ts). */
import * as tf from '@tensorflow/tfjs-core';
import { layers } from '@tensorflow/tfjs-layers';

interface Readable {
  read(): tf.Tensor;
}

/** What is read of a convolution layer. */
interface ConvLayer {
  readonly kernel: Readable;
  readonly bias?: Readable | null;
  readonly strides: [number, number];
  readonly padding: 'valid' | 'same';
  readonly dataFormat?: string;
  readonly dilationRate: [number, number];
  readonly activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
}

type Call = (this: ConvLayer, inputs: tf.Tensor | tf.Tensor[], kwargs: object) => tf.Tensor | tf.Tensor[];

function isDilated({ dilationRate, dataFormat }: ConvLayer): boolean {
  return dataFormat !== 'channelsFirst' && dilationRate.some((rate) => rate > 1);
}

/** The layer in plain operations: convolution, bias, activation. */
function convolve(layer: ConvLayer, inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return tf.tidy(() => {
    const x = (Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor4D;
    const kernel = layer.kernel.read() as tf.Tensor4D;
    const y = tf.conv2d(x, kernel, layer.strides, layer.padding, 'NHWC', layer.dilationRate);
    const biased = layer.bias == null ? y : tf.add(y, layer.bias.read());
    return layer.activation == null ? biased : layer.activation.apply(biased);
  });
}

/** Lets dilated two-dimensional convolution layers train. Returns the undo. */
export function patchDilatedConvLayers(): () => void {
  const prototype: object = Object.getPrototypeOf(layers.conv2d({ filters: 1, kernelSize: 1 }));
  const inherited = Reflect.get(prototype, 'call') as Call;
  const own = Object.hasOwn(prototype, 'call');
  const patched: Call = function (inputs, kwargs) {
    const underGradients = tf.engine().state.gradientDepth > 0;
    return underGradients && isDilated(this) ? convolve(this, inputs) : inherited.call(this, inputs, kwargs);
  };
  Reflect.set(prototype, 'call', patched);
  return () => {
    if (Reflect.get(prototype, 'call') !== patched) return;
    if (own) Reflect.set(prototype, 'call', inherited);
    else Reflect.deleteProperty(prototype, 'call');
  };
}
