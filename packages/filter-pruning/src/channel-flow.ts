import { operandValue, valueOf, type GraphNode, type GraphValue, type ModelGraph } from '@nncf/core';
import { ChannelClasses } from './channel-classes.ts';

/** An axis of a weight along which every position belongs to a channel. */
export interface ChannelAxis {
  readonly axis: number;
  /** Channel at each position. */
  readonly channels: readonly number[];
}

/** A convolution or product with a trained weight, and the channels that it reads and makes. */
export interface ChannelUser {
  readonly node: GraphNode;
  /** Name of the variable. */
  readonly weight: string;
  readonly reads: ChannelAxis;
  /** Absent in a depthwise convolution, whose filters are the channels that it reads. */
  readonly makes?: ChannelAxis | undefined;
}

/** Where every channel of a model comes from and goes to. */
export interface ChannelFlow {
  readonly classes: ChannelClasses;
  readonly users: readonly ChannelUser[];
  /** Channels of the model's inputs. */
  readonly inputs: readonly number[];
}

/** Handles one node: says which channels the last axis of its result holds. */
type Handler = (flow: FlowBuilder, node: GraphNode) => readonly number[];

/**
 * Follows channels, the positions of the last axis, through a model. Channels that meet in an addition are one class. A
 * class is pinned where it reaches an output, or an operation that mixes channels in another way than by a trained weight.
 */
export function channelFlow(graph: ModelGraph): ChannelFlow {
  const flow = new FlowBuilder(graph);
  for (const node of graph.nodes) flow.visit(node);
  for (const output of graph.outputs) flow.classes.pin(flow.channelsOf(output));
  return flow;
}

class FlowBuilder implements ChannelFlow {
  readonly classes: ChannelClasses = new ChannelClasses();
  readonly users: ChannelUser[] = [];
  readonly inputs: readonly number[];
  private readonly graph: ModelGraph;
  private readonly byValue = new Map<number, readonly number[]>();

  constructor(graph: ModelGraph) {
    this.graph = graph;
    this.inputs = graph.inputs.flatMap((id) => this.channelsOf(id));
  }

  visit(node: GraphNode): void {
    const [first, ...others] = node.outputs;
    if (first === undefined) return;
    this.byValue.set(first, (others.length === 0 ? HANDLERS[node.op] : undefined)?.(this, node) ?? this.giveUp(node));
  }

  /** The channels of a value. Those of inputs and of results that are not followed must stay. */
  channelsOf(id: number): readonly number[] {
    const known = this.byValue.get(id) ?? this.classes.createPinned(lastSize(valueOf(this.graph, id)));
    this.byValue.set(id, known);
    return known;
  }

  operand(node: GraphNode, port: number): GraphValue {
    return operandValue(this.graph, node, port);
  }

  /** Operands that the model computes. */
  activations(node: GraphNode): GraphValue[] {
    return node.inputs.map((id) => valueOf(this.graph, id)).filter(({ kind }) => kind === 'activation' || kind === 'input');
  }

  result(node: GraphNode): GraphValue {
    return valueOf(this.graph, node.outputs[0] ?? -1);
  }

  /** Adds a user; the channels of a weight that is used again are the same as before. */
  use(user: ChannelUser): void {
    const before = this.users.find(({ weight }) => weight === user.weight);
    this.users.push(user);
    if (before === undefined) return;
    this.classes.join(before.reads.channels, user.reads.channels);
    if (before.makes !== undefined && user.makes !== undefined) this.classes.join(before.makes.channels, user.makes.channels);
  }

  /** Pins what goes in. @returns channels that stay */
  giveUp(node: GraphNode): readonly number[] {
    for (const { id } of this.activations(node)) this.classes.pin(this.channelsOf(id));
    return this.classes.createPinned(lastSize(this.result(node)));
  }
}

function lastSize({ traceShape }: GraphValue): number {
  return traceShape.at(-1) ?? 0;
}

/** The result has the channels of the first operand. */
const keep: Handler = (flow, node) => flow.channelsOf(node.inputs[0] ?? -1);

/** The result has the channels of all computed operands; a smaller one is spread over them. */
const join: Handler = (flow, node) => {
  const size = lastSize(flow.result(node));
  const lists = flow
    .activations(node)
    .filter((value) => lastSize(value) === size)
    .map(({ id }) => flow.channelsOf(id));
  const [first, ...others] = lists;
  if (first === undefined) return flow.giveUp(node);
  for (const other of others) flow.classes.join(first, other);
  return first;
};

/** HWIO filters. */
const convolution: Handler = (flow, node) => {
  const filter = flow.operand(node, 1);
  if (filter.kind !== 'variable') return flow.giveUp(node);
  const rank = filter.traceShape.length;
  const reads = { axis: rank - 2, channels: flow.channelsOf(node.inputs[0] ?? -1) };
  const makes = { axis: rank - 1, channels: flow.classes.create(lastSize(filter)) };
  flow.use({ node, weight: filter.name, reads, makes });
  return makes.channels;
};

/** HWCM filters: M filters for each channel, which belong to it. */
const depthwise: Handler = (flow, node) => {
  const filter = flow.operand(node, 1);
  if (filter.kind !== 'variable') return flow.giveUp(node);
  const channels = flow.channelsOf(node.inputs[0] ?? -1);
  flow.use({ node, weight: filter.name, reads: { axis: 2, channels } });
  return channels.flatMap((channel) => Array.from({ length: lastSize(filter) }, () => channel));
};

/** The rows of a dense layer's weight read channels; its columns all stay. */
const product: Handler = (flow, node) => {
  const weight = flow.operand(node, 1);
  if (weight.kind !== 'variable' || weight.traceShape.length !== 2 || node.attrs['transposeA'] === true) return flow.giveUp(node);
  const axis = node.attrs['transposeB'] === true ? 1 : 0;
  flow.use({ node, weight: weight.name, reads: { axis, channels: flow.channelsOf(node.inputs[0] ?? -1) } });
  return flow.classes.createPinned(lastSize(flow.result(node)));
};

const concat: Handler = (flow, node) => {
  const { traceShape } = flow.result(node);
  const axis = Number(node.attrs['axis']);
  if ((axis + traceShape.length) % traceShape.length !== traceShape.length - 1) return join(flow, node);
  return node.inputs.flatMap((id) => flow.channelsOf(id));
};

const pad: Handler = (flow, node) => {
  const same = lastSize(flow.operand(node, 0)) === lastSize(flow.result(node));
  return same ? keep(flow, node) : flow.giveUp(node);
};

/** Over places, not over channels. */
const reduce: Handler = (flow, node) => {
  const rank = flow.operand(node, 0).traceShape.length;
  const axes = [node.attrs['axis'] ?? node.attrs['reductionIndices'] ?? []].flat().map(Number);
  const overPlaces = axes.length > 0 && axes.every((axis) => (axis + rank) % rank !== rank - 1);
  return overPlaces ? keep(flow, node) : flow.giveUp(node);
};

/** The last axis stays as it is, or takes in the axes before it: then its channels repeat. */
const reshape: Handler = (flow, node) => {
  const [before, after] = [flow.operand(node, 0).traceShape, flow.result(node).traceShape];
  const [size, target] = [before.at(-1) ?? 0, after.at(-1) ?? 0];
  const channels = flow.channelsOf(node.inputs[0] ?? -1);
  if (target === size) return channels;
  return takesIn(before, target) ? Array.from({ length: target / size }, () => channels).flat() : flow.giveUp(node);
};

function takesIn(before: readonly number[], target: number): boolean {
  let product = 1;
  for (const size of before.toReversed()) {
    product *= size;
    if (product >= target) return product === target;
  }
  return false;
}

const transpose: Handler = (flow, node) => {
  const perm = node.attrs['perm'];
  const last = Array.isArray(perm) && Number(perm.at(-1)) === perm.length - 1;
  return last ? keep(flow, node) : flow.giveUp(node);
};

const handlersFor = (handler: Handler, ops: readonly string[]): Record<string, Handler> =>
  Object.fromEntries(ops.map((op) => [op, handler]));

const HANDLERS: Readonly<Record<string, Handler>> = {
  Conv2D: convolution,
  Conv3D: convolution,
  DepthwiseConv2dNative: depthwise,
  MatMul: product,
  Concat: concat,
  PadV2: pad,
  MirrorPad: pad,
  Reshape: reshape,
  Transpose: transpose,
  ...handlersFor(reduce, ['Mean', 'Max', 'Sum', 'Min']),
  ...handlersFor(join, ['Add', 'AddN', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference']),
  ...handlersFor(keep, ['FusedBatchNorm', 'MaxPool', 'AvgPool', 'ResizeBilinear', 'ResizeNearestNeighbor', 'Identity', 'Prelu']),
  ...handlersFor(keep, [
    'Relu',
    'Relu6',
    'LeakyRelu',
    'Elu',
    'Selu',
    'Sigmoid',
    'Tanh',
    'Softplus',
    'ClipByValue',
    'Erf',
    'Sqrt',
    'Square',
  ]),
  ...handlersFor(keep, ['Exp', 'Neg', 'Abs', 'Rsqrt', 'Step', 'Cast']),
};
