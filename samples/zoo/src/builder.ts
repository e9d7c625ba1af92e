import * as tfl from '@tensorflow/tfjs-layers';
import { createActivation, type ActivationKind } from './activations.ts';
import { channelPad } from './custom-layers.ts';
import { groupedConv2d } from './grouped-conv.ts';
import { resize, type ResizeConfig } from './resize.ts';

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

/** A depthwise convolution: one square filter per channel, one stride for both axes. */
export interface DepthwiseSpec {
  readonly kernel: number;
  /** @default 1 */
  readonly stride?: number;
  /** @default 'same' */
  readonly padding?: Padding;
  /** @default false */
  readonly bias?: boolean;
}

/** One size for both axes, or height and width. */
export type Extent = number | readonly [height: number, width: number];

/** A convolution. */
export interface ConvSpec extends Omit<DepthwiseSpec, 'kernel'> {
  readonly filters: number;
  readonly kernel: Extent;
  /** Activation fused into the layer. @default none */
  readonly activation?: 'relu';
  /** Value that the bias starts from. @default 0 */
  readonly initialBias?: number;
  /** Distance of the filter's taps, both axes; with stride 1 and padding `same`. @default 1 */
  readonly dilation?: number;
}

/** A convolution in groups. */
export interface GroupedSpec extends Omit<DepthwiseSpec, 'bias'> {
  readonly filters: number;
  /** Parts of the channels that are convolved each for itself. */
  readonly groups: number;
}

/** Applies named layers with reproducible initial weights; every method returns the layer's output. */
export interface Builder {
  conv(x: tfl.SymbolicTensor, name: string, spec: ConvSpec): tfl.SymbolicTensor;
  /** One convolution, at stride 1 with padding `same`, for several inputs. */
  sharedConv(name: string, spec: ConvSpec): (x: tfl.SymbolicTensor) => tfl.SymbolicTensor;
  /** A convolution in groups, without bias. */
  groupedConv(x: tfl.SymbolicTensor, name: string, spec: GroupedSpec): tfl.SymbolicTensor;
  depthwise(x: tfl.SymbolicTensor, name: string, spec: DepthwiseSpec): tfl.SymbolicTensor;
  /** A transposed convolution with bias whose stride is its kernel: every pixel becomes a square of `size` × `size`. */
  upConv(x: tfl.SymbolicTensor, name: string, filters: number, size: number): tfl.SymbolicTensor;
  /** Batch normalization; momentum 0.9 is what PyTorch calls 0.1. @param epsilon 1e-5 unless told */
  batchNorm(x: tfl.SymbolicTensor, name: string, epsilon?: number): tfl.SymbolicTensor;
  dense(x: tfl.SymbolicTensor, name: string, units: number, activation?: 'relu'): tfl.SymbolicTensor;
  relu(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  /** min(max(x, 0), 6) as one operation. */
  relu6(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  activation(x: tfl.SymbolicTensor, name: string, kind: ActivationKind): tfl.SymbolicTensor;
  add(xs: tfl.SymbolicTensor[], name: string): tfl.SymbolicTensor;
  /** Element by element; an axis of size 1 is stretched. */
  multiply(xs: tfl.SymbolicTensor[], name: string): tfl.SymbolicTensor;
  /** @param axis the last unless told */
  concat(xs: tfl.SymbolicTensor[], name: string, axis?: number): tfl.SymbolicTensor;
  maxPool(x: tfl.SymbolicTensor, name: string, size: number, stride: number, padding?: Padding): tfl.SymbolicTensor;
  /** With zeros around the picture these count in the average, as in PyTorch. */
  averagePool(x: tfl.SymbolicTensor, name: string, size: Extent, stride: Extent, padding?: Padding): tfl.SymbolicTensor;
  /** @param size height and width of the result */
  resize(x: tfl.SymbolicTensor, name: string, size: readonly [number, number], method: ResizeConfig['method']): tfl.SymbolicTensor;
  globalAveragePool(x: tfl.SymbolicTensor, name: string): tfl.SymbolicTensor;
  /** @param shape sizes without the batch */
  reshape(x: tfl.SymbolicTensor, name: string, shape: readonly number[]): tfl.SymbolicTensor;
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
    sharedConv: (name, spec) => {
      const layer = convLayer(name, spec, weights(he));
      return (x) => output(layer, x);
    },
    groupedConv: (x, name, spec) => {
      const { filters, groups, kernel, stride = 1, padding = 'same' } = spec;
      const own = { name, filters, groups, kernel, stride, padding: layerPadding(spec) };
      const first = seed + 1;
      seed += groups;
      return output(groupedConv2d(zeros ? own : { ...own, seed: first }), padded(x, name, spec, padding));
    },
    depthwise: (x, name, spec) => {
      const { padding = 'same' } = spec;
      return output(depthwiseLayer(name, spec, weights(perChannel(spec.kernel))), padded(x, name, spec, padding));
    },
    upConv: (x, name, filters, size) =>
      output(
        tfl.layers.conv2dTranspose({ name, filters, kernelSize: size, strides: size, padding: 'valid', kernelInitializer: weights(he) }),
        x,
      ),
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
    relu: (x, name) => output(createActivation('relu', name), x),
    relu6: (x, name) => output(createActivation('relu6', name), x),
    activation: (x, name, kind) => output(createActivation(kind, name), x),
    add: (xs, name) => output(tfl.layers.add({ name }), xs),
    multiply: (xs, name) => output(tfl.layers.multiply({ name }), xs),
    concat: (xs, name, axis = -1) => output(tfl.layers.concatenate({ name, axis }), xs),
    // Zeros are as good as minus infinity here: every maximum of the zoo reads what a ReLU wrote.
    maxPool: (x, name, size, stride, padding = 'valid') =>
      output(tfl.layers.maxPooling2d(poolArguments(name, size, stride, padding)), bordered(x, name, padding)),
    averagePool: (x, name, size, stride, padding = 'valid') =>
      output(tfl.layers.averagePooling2d(poolArguments(name, size, stride, padding)), bordered(x, name, padding)),
    resize: (x, name, [height, width], method) => output(resize({ name, height, width, method }), x),
    globalAveragePool: (x, name) => output(tfl.layers.globalAveragePooling2d({ name }), x),
    reshape: (x, name, shape) => output(tfl.layers.reshape({ name, targetShape: [...shape] }), x),
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
    kernelSize: both(spec.kernel),
    strides: spec.stride ?? 1,
    dilationRate: spec.dilation ?? 1,
    padding: layerPadding(spec),
    useBias: spec.bias ?? false,
    kernelInitializer,
    biasInitializer: tfl.initializers.constant({ value: spec.initialBias ?? 0 }),
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
function isSame(spec: DepthwiseSpec | ConvSpec, padding: Padding): boolean {
  const { kernel, stride = 1 } = spec;
  const dilation = 'dilation' in spec ? (spec.dilation ?? 1) : 1;
  return padding === 'same' || (stride === 1 && typeof kernel === 'number' && padding === (dilation * (kernel - 1)) / 2);
}

function layerPadding(spec: DepthwiseSpec | ConvSpec): 'same' | 'valid' {
  return isSame(spec, spec.padding ?? 'same') ? 'same' : 'valid';
}

function padded(x: tfl.SymbolicTensor, name: string, spec: DepthwiseSpec | ConvSpec, padding: Padding): tfl.SymbolicTensor {
  return isSame(spec, padding) ? x : bordered(x, name, padding);
}

/** The picture with as many zeros around it as a padding in numbers says. */
function bordered(x: tfl.SymbolicTensor, name: string, padding: Padding): tfl.SymbolicTensor {
  return typeof padding === 'number' && padding > 0 ? zeroPad(x, `${name}.pad`, padding) : x;
}

interface PoolArguments {
  readonly name: string;
  readonly poolSize: [number, number];
  readonly strides: [number, number];
  readonly padding: 'same' | 'valid';
}

function poolArguments(name: string, size: Extent, stride: Extent, padding: Padding): PoolArguments {
  return { name, poolSize: both(size), strides: both(stride), padding: padding === 'same' ? 'same' : 'valid' };
}

function both(extent: Extent): [number, number] {
  return typeof extent === 'number' ? [extent, extent] : [...extent];
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
