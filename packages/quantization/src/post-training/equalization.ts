import type { GraphNode, GraphValue } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { float32Values } from '../tensor-values.ts';
import { followOf, namedOperand, ownVariable, type LiveGraph } from './linear-layers.ts';
import type { Originals } from './originals.ts';

/** A variable of which a slice belongs to every channel. */
export interface ChannelledVariable {
  readonly variable: tf.Variable;
  /** Axes that together count the channels. */
  readonly axes: readonly number[];
}

/** A layer and the layers that alone read its result, so that a factor can pass from one to the others channel by channel. */
export interface ScalablePair {
  readonly producer: GraphNode;
  readonly consumers: readonly GraphNode[];
  readonly channels: number;
  /** Whether a ReLU6 stands between: a channel may then be made louder, at the price that what would pass 6 is cut off, but not quieter. */
  readonly isCut: boolean;
  /** What makes the result smaller: weights and bias, or γ and β. */
  readonly divided: readonly ChannelledVariable[];
  /** Weights that make up for it. */
  readonly multiplied: readonly ChannelledVariable[];
}

/** A layer whose result cannot be scaled, and why. */
export interface UnscalableLayer {
  readonly producer: GraphNode;
  readonly reason: string;
}

/** Operations f with f(s·x) = s·f(x) for every s > 0, channel by channel. */
const EQUIVARIANT: ReadonlySet<string> = new Set(['Relu', 'LeakyRelu', 'MaxPool', 'AvgPool', 'Identity']);

/** Axes of a weight's output channels and of its input channels. */
interface WeightAxes {
  readonly out: readonly number[];
  readonly in: number;
}

/**
 * Pairs of layers between which channels can be scaled without changing what the model computes: only linear layers, ReLU, leaky ReLU,
 * pooling, means over positions and zero padding stand between; where ReLU6 does, the pair says so.
 */
export function scalablePairs(
  live: LiveGraph,
  producers: readonly GraphNode[],
): { readonly pairs: readonly ScalablePair[]; readonly others: readonly UnscalableLayer[] } {
  const found = producers.map((producer) => pairOf(live, producer));
  return {
    pairs: found.filter((pair) => 'consumers' in pair),
    others: found.filter((pair) => 'reason' in pair),
  };
}

function pairOf(live: LiveGraph, producer: GraphNode): ScalablePair | UnscalableLayer {
  const { divided, result } = scaledBy(live, producer);
  if (typeof divided === 'string') return { producer, reason: divided };
  const channels = result.traceShape.at(-1) ?? 0;
  const reached = consumersOf(live, result, channels);
  if (typeof reached === 'string') return { producer, reason: reached };
  const consumers = reached.map(({ node }) => node);
  const multiplied = consumers.map((node) => inputWeights(live, node) as ChannelledVariable);
  return { producer, consumers, channels, divided, multiplied, isCut: reached.some(({ isCut }) => isCut) };
}

/** The variables that scale a layer's result; a text says why there are none. */
function scaledBy(
  live: LiveGraph,
  producer: GraphNode,
): { readonly divided: readonly ChannelledVariable[] | string; readonly result: GraphValue } {
  const { bias, biasReason, normalization, result } = followOf(live, producer);
  if (normalization !== undefined) return { divided: affineOf(live, normalization), result };
  if (biasReason !== undefined) return { divided: biasReason, result };
  const axes = weightAxes(producer);
  const weight = ownVariable(live, live.view.value(producer.inputs[1] ?? -1));
  if (axes === undefined || weight === undefined) return { divided: 'its weights are no variable of its own', result };
  const biases = bias === undefined ? [] : [{ variable: bias.variable, axes: [0] }];
  return { divided: [{ variable: weight.variable, axes: axes.out }, ...biases], result };
}

function affineOf(live: LiveGraph, node: GraphNode): readonly ChannelledVariable[] | string {
  const [scale, offset] = ['scale', 'offset'].map((name) => ownVariable(live, namedOperand(live, node, name)));
  if (scale === undefined || offset === undefined) return `${node.name} has no γ and β of its own`;
  return [scale, offset].map(({ variable }) => ({ variable, axes: [0] }));
}

/** A layer that reads a value, perhaps through a ReLU6. */
interface Reached {
  readonly node: GraphNode;
  readonly isCut: boolean;
}

/** The layers that read a value, directly or through equivariant operations and ReLU6; a text names what else reads it. */
function consumersOf(live: LiveGraph, value: GraphValue, channels: number): readonly Reached[] | string {
  const { view } = live;
  const readers = view.readers(value);
  if (view.isOutput(value) || readers.length === 0) return 'its result is an output of the model';
  const found: Reached[] = [];
  for (const { node, port } of readers) {
    const reached = reach(live, node, port, channels);
    if (typeof reached === 'string') return reached;
    found.push(...reached);
  }
  return found;
}

function reach(live: LiveGraph, node: GraphNode, port: number, channels: number): readonly Reached[] | string {
  if (port !== 0) return `${node.name} does not scale with its result`;
  const isCut = node.op === 'Relu6';
  if (isCut || isEquivariant(node, live)) {
    const behind = consumersOf(live, live.view.value(node.outputs[0] ?? -1), channels);
    return typeof behind === 'string' || !isCut ? behind : behind.map((each) => ({ ...each, isCut }));
  }
  const weights = inputWeights(live, node);
  if (weights === undefined) return `${node.name} does not scale with its result`;
  const size = weights.axes.map((axis) => weights.variable.shape[axis]);
  return size[0] === channels ? [{ node, isCut: false }] : `${node.name} reads its channels in another order`;
}

function isEquivariant(node: GraphNode, { view }: LiveGraph): boolean {
  const rank = view.value(node.inputs[0] ?? -1).traceShape.length;
  if (node.op === 'PadV2') return Number(node.attrs['constantValue'] ?? 0) === 0;
  if (node.op === 'Mean') return !axesOf(node).some((axis) => axis === -1 || axis === rank - 1);
  return EQUIVARIANT.has(node.op);
}

function axesOf({ attrs }: GraphNode): readonly number[] {
  const axes = attrs['axis'];
  return Array.isArray(axes) ? axes.map(Number) : axes === undefined ? [-1] : [Number(axes)];
}

/** Weights of a layer along their input channels, when they are a variable of its own. */
function inputWeights(live: LiveGraph, node: GraphNode): ChannelledVariable | undefined {
  const axes = weightAxes(node);
  const weight = axes === undefined ? undefined : ownVariable(live, live.view.value(node.inputs[1] ?? -1));
  return axes === undefined || weight === undefined ? undefined : { variable: weight.variable, axes: [axes.in] };
}

function weightAxes({ op, attrs }: GraphNode): WeightAxes | undefined {
  if (attrs['dataFormat'] !== undefined && attrs['dataFormat'] !== 'NHWC') return undefined;
  if (op === 'Conv2D') return { out: [3], in: 2 };
  if (op === 'DepthwiseConv2dNative') return { out: [2, 3], in: 2 };
  if (op === 'Conv2DBackpropInput') return { out: [2], in: 3 };
  if (op !== 'MatMul' || attrs['transposeA'] === true) return undefined;
  return attrs['transposeB'] === true ? { out: [0], in: 1 } : { out: [1], in: 0 };
}

/** Largest magnitude of every channel's slice. */
export function channelPeaks({ variable, axes }: ChannelledVariable): Float32Array {
  const others = variable.shape.flatMap((_, axis) => (axes.includes(axis) ? [] : [axis]));
  return tf.tidy(() => Float32Array.from(float32Values(tf.max(tf.abs(variable), others))));
}

/** Divides a layer's result by `factors`, channel by channel, and multiplies the weights that read it. */
export function scaleBetween({ divided, multiplied }: ScalablePair, factors: Float32Array, originals: Originals): void {
  const inverse = factors.map((factor) => 1 / factor);
  for (const variable of divided) scaleBy(variable, inverse, originals);
  for (const variable of multiplied) scaleBy(variable, factors, originals);
}

function scaleBy({ variable, axes }: ChannelledVariable, factors: Float32Array, originals: Originals): void {
  originals.keep(variable);
  tf.tidy(() => {
    const shape = variable.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    variable.assign(tf.mul(variable, tf.tensor(factors, shape)));
  });
}
