import * as tfl from '@tensorflow/tfjs-layers';
import { channelPad, relu6 } from './custom-layers.ts';

/** Height, width and channels of the input. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** What every model of the zoo can be asked for. */
export interface ModelOptions {
  readonly inputShape?: ImageShape;
  /** Number of outputs (logits). */
  readonly classes?: number;
  /** Factor on every channel count. @default 1 */
  readonly width?: number;
  /** Seed of the random initial weights. @default 0 */
  readonly seed?: number;
  /** `zeros` builds at once: for a model whose weights are loaded next. @default 'random' */
  readonly initial?: 'random' | 'zeros';
}

/**
 * Padding of a convolution: TensorFlow's `same`, none, or this many zeros on every side (PyTorch's `padding`, which differs from
 * `same` at stride 2).
 */
export type Padding = 'same' | 'valid' | number;

/** A convolution: square kernel, one stride for both axes. */
export interface ConvSpec {
  readonly filters: number;
  readonly kernel: number;
  /** @default 1 */
  readonly stride?: number;
  /** @default 'same' */
  readonly padding?: Padding;
  /** @default false */
  readonly bias?: boolean;
  /** Activation fused into the layer. @default none */
  readonly activation?: 'relu';
}

/** A depthwise convolution: one filter per channel. */
export type DepthwiseSpec = Omit<ConvSpec, 'filters' | 'activation'>;

/** Applies named layers with reproducible initial weights; every method returns the layer's output. */
export interface Builder {
  conv(x: tfl.SymbolicTensor, name: string, spec: ConvSpec): tfl.SymbolicTensor;
  depthwise(x: tfl.SymbolicTensor, name: string, spec: DepthwiseSpec): tfl.SymbolicTensor;
  /** Batch normalization; momentum 0.9 is what PyTorch calls 0.1. @param epsilon 1e-5 unless told */
  batchNorm(x: tfl.SymbolicTensor, name: string, epsilon?: number): tfl.SymbolicTensor;
  dense(x: tfl.SymbolicTensor, name: string, units: number, activation?: 'relu'): tfl.SymbolicTensor;
  relu(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  /** min(max(x, 0), 6) as one operation. */
  relu6(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  add(xs: tfl.SymbolicTensor[], name: string): tfl.SymbolicTensor;
  concat(xs: tfl.SymbolicTensor[], name: string): tfl.SymbolicTensor;
  maxPool(x: tfl.SymbolicTensor, name: string, size: number, stride: number, padding?: Padding): tfl.SymbolicTensor;
  globalAveragePool(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  flatten(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  dropout(x: tfl.SymbolicTensor, name: string, rate: number): tfl.SymbolicTensor;
  /** Zero channels before and after the given ones. */
  channelPad(x: tfl.SymbolicTensor, name: string, before: number, after: number): tfl.SymbolicTensor;
}

type Initializer = ReturnType<typeof tfl.initializers.zeros>;

/** Builder whose layers draw their initial weights from consecutive seeds. */
export function createBuilder(options: ModelOptions): Builder {
  const zeros = options.initial === 'zeros';
  let seed = (options.seed ?? 0) * 10_000;
  const weights = (draw: (seed: number) => Initializer): Initializer => (zeros ? tfl.initializers.zeros() : draw(++seed));
  return {
    conv: (x, name, spec) => {
      const { padding = 'same' } = spec;
      return output(convLayer(name, spec, weights(he)), padded(x, name, spec, padding));
    },
    depthwise: (x, name, spec) => {
      const { padding = 'same' } = spec;
      return output(depthwiseLayer(name, spec, weights(perChannel(spec.kernel))), padded(x, name, spec, padding));
    },
    batchNorm: (x, name, epsilon = 1e-5) => output(tfl.layers.batchNormalization({ name, epsilon, momentum: 0.9 }), x),
    dense: (x, name, units, activation) =>
      output(
        tfl.layers.dense({
          name,
          units,
          kernelInitializer: weights(glorot),
          activation: activation ?? 'linear',
        }),
        x,
      ),
    relu: (x, name) => output(tfl.layers.reLU({ name }), x),
    relu6: (x, name) => output(relu6({ name }), x),
    add: (xs, name) => output(tfl.layers.add({ name }), xs),
    concat: (xs, name) => output(tfl.layers.concatenate({ name }), xs),
    maxPool: (x, name, size, stride, padding = 'valid') => {
      const layer = tfl.layers.maxPooling2d({
        name,
        poolSize: size,
        strides: stride,
        padding: padding === 'same' ? 'same' : 'valid',
      });
      // Zeros are as good as minus infinity here: every pool of the zoo reads what a ReLU wrote.
      return output(layer, typeof padding === 'number' && padding > 0 ? zeroPad(x, `${name}.pad`, padding) : x);
    },
    globalAveragePool: (x, name) => output(tfl.layers.globalAveragePooling2d({ name }), x),
    flatten: (x, name) => output(tfl.layers.flatten({ name }), x),
    dropout: (x, name, rate) => (rate === 0 ? x : output(tfl.layers.dropout({ name, rate, seed: options.seed ?? 0 }), x)),
    channelPad: (x, name, before, after) => output(channelPad({ name, before, after }), x),
  };
}

/** Input tensor of a model. */
export function imageInput(shape: ImageShape): tfl.SymbolicTensor {
  return tfl.input({ shape: [...shape], name: 'input' });
}

/** Channel counts that a width factor gives, at least 8 and a multiple of it, never below nine tenths of the exact count (Sandler et al. 2018). */
export function divisibleBy8(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

function convLayer(name: string, spec: ConvSpec, kernelInitializer: Initializer): tfl.layers.Layer {
  return tfl.layers.conv2d({
    name,
    filters: spec.filters,
    kernelSize: spec.kernel,
    strides: spec.stride ?? 1,
    padding: layerPadding(spec),
    useBias: spec.bias ?? false,
    kernelInitializer,
    activation: spec.activation ?? 'linear',
  });
}

function depthwiseLayer(name: string, spec: DepthwiseSpec, depthwiseInitializer: Initializer): tfl.layers.Layer {
  return tfl.layers.depthwiseConv2d({
    name,
    kernelSize: spec.kernel,
    strides: spec.stride ?? 1,
    padding: layerPadding(spec),
    useBias: spec.bias ?? false,
    depthwiseInitializer,
  });
}

/** At stride 1 and half the kernel's size `same` is PyTorch's padding, and saves the pad operation. */
function isSame(spec: DepthwiseSpec, padding: Padding): boolean {
  return padding === 'same' || ((spec.stride ?? 1) === 1 && padding === (spec.kernel - 1) / 2);
}

function layerPadding(spec: DepthwiseSpec): 'same' | 'valid' {
  return isSame(spec, spec.padding ?? 'same') ? 'same' : 'valid';
}

function padded(x: tfl.SymbolicTensor, name: string, spec: DepthwiseSpec, padding: Padding): tfl.SymbolicTensor {
  if (typeof padding !== 'number' || padding === 0 || isSame(spec, padding)) return x;
  return zeroPad(x, `${name}.pad`, padding);
}

function zeroPad(x: tfl.SymbolicTensor, name: string, padding: number): tfl.SymbolicTensor {
  return output(tfl.layers.zeroPadding2d({ name, padding }), x);
}

function he(seed: number): Initializer {
  return tfl.initializers.heNormal({ seed });
}

function glorot(seed: number): Initializer {
  return tfl.initializers.glorotUniform({ seed });
}

/** He's deviation for a filter that sees one channel: Keras's own rule counts them all and starts far too small. */
function perChannel(kernel: number): (seed: number) => Initializer {
  return (seed) => tfl.initializers.randomNormal({ mean: 0, stddev: Math.sqrt(2) / kernel, seed });
}

function output(layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]): tfl.SymbolicTensor {
  return layer.apply(x) as tfl.SymbolicTensor;
}
