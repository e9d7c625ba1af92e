import type { OnnxNode } from '../../emit/onnx-graph.ts';
import { integerAttribute, integersAttribute } from './attributes.ts';
import type { ChannelFlow, ChannelHandler, ChannelView } from './channel-flow.ts';
import { sliceBounds } from './weight.ts';

/** The result has the channels of the first operand; all other operands are stored. */
const keep: ChannelHandler = (flow, node) => (othersAreStored(flow, node) ? flow.view(node.inputs[0]) : undefined);

function othersAreStored(flow: ChannelFlow, { inputs }: OnnxNode): boolean {
  return inputs.slice(1).every((name) => name === '' || flow.constant(name) !== undefined);
}

/** Over windows or over the whole picture, whose channels lie behind the batch. */
const pool: ChannelHandler = (flow, node) => {
  const view = flow.view(node.inputs[0]);
  return view?.axis === 1 && view.flat === undefined ? view : undefined;
};

/** Operands that the file computes have their channels in common; a stored one broadcasts. */
const elementwise: ChannelHandler = (flow, node) => {
  const computed = node.inputs.filter((name) => flow.constant(name) === undefined);
  const views = computed.flatMap((name) => flow.view(name) ?? []);
  const [first, ...others] = views;
  if (first === undefined || views.length !== computed.length || others.some((other) => !isLike(first, other))) return undefined;
  for (const other of others) flow.registry.join(first.channels, other.channels);
  const fits = node.inputs.every((_, port) => sliceBroadcast(flow, node, port, first));
  return fits ? first : undefined;
};

function isLike(a: ChannelView, b: ChannelView): boolean {
  return a.axis === b.axis && a.rank === b.rank && a.flat === b.flat && a.channels.length === b.channels.length;
}

/** @returns false when a stored operand has another size along the channels */
function sliceBroadcast(flow: ChannelFlow, node: OnnxNode, port: number, { axis, rank, channels, flat }: ChannelView): boolean {
  const shape = flow.constant(node.inputs[port])?.shape;
  if (shape === undefined) return true;
  const own = axis - rank + shape.length;
  if ((shape[own] ?? 1) === 1) return shape.length <= rank;
  if (flat !== undefined || shape[own] !== channels.length || shape.length > rank) return false;
  flow.slice({ node, port, axis: own, channels });
  return true;
}

const batchNorm: ChannelHandler = (flow, node) => {
  const view = pool(flow, node);
  if (view === undefined || !othersAreStored(flow, node)) return undefined;
  for (const port of [1, 2, 3, 4]) flow.slice({ node, port, axis: 0, channels: view.channels });
  return view;
};

/** With one scale for all, or one for each channel. */
const quantize: ChannelHandler = (flow, node) => {
  const view = keep(flow, node);
  if (view === undefined || (flow.constant(node.inputs[1])?.data.length ?? 0) === 1) return view;
  if (integerAttribute(node, 'axis', 1) !== view.axis || view.flat !== undefined) return undefined;
  for (const port of [1, 2]) if ((node.inputs[port] ?? '') !== '') flow.slice({ node, port, axis: 0, channels: view.channels });
  return view;
};

const fakeQuantize: ChannelHandler = (flow, node) => {
  const view = keep(flow, node);
  if (view === undefined || view.flat !== undefined) return undefined;
  sliceBounds(flow, node, view.axis, view.rank, view.channels);
  return view;
};

const concat: ChannelHandler = (flow, node) => {
  const views = node.inputs.flatMap((name) => flow.view(name) ?? []);
  const [first, ...others] = views;
  if (first === undefined || views.length !== node.inputs.length || views.some(({ flat }) => flat !== undefined)) return undefined;
  if (others.some(({ axis, rank }) => axis !== first.axis || rank !== first.rank)) return undefined;
  const axis = (integerAttribute(node, 'axis', 0) + first.rank) % first.rank;
  if (axis === first.axis) return { ...first, channels: views.flatMap(({ channels }) => channels) };
  return others.every((other) => isLike(first, other)) ? elementwise(flow, node) : undefined;
};

const pad: ChannelHandler = (flow, node) => {
  const view = keep(flow, node);
  const pads = flow.constant(node.inputs[1])?.data;
  if (view === undefined || pads?.length !== 2 * view.rank) return undefined;
  return pads[view.axis] === 0 && pads[view.axis + view.rank] === 0 ? view : undefined;
};

const resize: ChannelHandler = (flow, node) => {
  const view = keep(flow, node);
  const scales = flow.constant(node.inputs[2])?.data;
  return view !== undefined && view.flat === undefined && scales?.[view.axis] === 1 ? view : undefined;
};

const transpose: ChannelHandler = (flow, node) => {
  const view = flow.view(node.inputs[0]);
  const axis = view === undefined ? -1 : (integersAttribute(node, 'perm') ?? []).indexOf(view.axis);
  return view === undefined || axis < 0 || view.flat !== undefined ? undefined : { ...view, axis };
};

/** A picture becomes a row: its channels are the outer or the inner part. */
function flattened({ channels, axis, rank, flat }: ChannelView): ChannelView | undefined {
  if (rank === 2 && axis === 1) return { channels, axis, rank, flat };
  if (flat !== undefined || (axis !== 1 && axis !== rank - 1)) return undefined;
  return { channels, axis: 1, rank: 2, flat: axis === 1 ? 'major' : 'minor' };
}

const flatten: ChannelHandler = (flow, node) => {
  const view = flow.view(node.inputs[0]);
  return view === undefined || integerAttribute(node, 'axis', 1) !== 1 ? undefined : flattened(view);
};

/** To rows only, of a stored length. */
const reshape: ChannelHandler = (flow, node) => {
  const [view, shape] = [flow.view(node.inputs[0]), flow.constant(node.inputs[1])?.data];
  const result = view === undefined || shape?.length !== 2 || shape[1] === 0 ? undefined : flattened(view);
  if (result !== undefined) flow.reshapes.set(node, result.channels);
  return result;
};

const squeeze: ChannelHandler = (flow, node) => {
  const view = flow.view(node.inputs[0]);
  const axes = flow.constant(node.inputs[1])?.data;
  if (view === undefined || axes === undefined || view.flat !== undefined) return undefined;
  return without(
    view,
    Array.from(axes, (axis) => (axis + view.rank) % view.rank),
  );
};

/** The view without some axes; undefined when the channels are among them. */
function without(view: ChannelView, axes: readonly number[]): ChannelView | undefined {
  if (axes.includes(view.axis)) return undefined;
  return { ...view, axis: view.axis - axes.filter((axis) => axis < view.axis).length, rank: view.rank - axes.length };
}

/** Over places, not over channels. */
const reduce: ChannelHandler = (flow, node) => {
  const view = flow.view(node.inputs[0]);
  const axes = integersAttribute(node, 'axes') ?? Array.from(flow.constant(node.inputs[1])?.data ?? []);
  if (view === undefined || view.flat !== undefined || axes.length === 0) return undefined;
  const left = without(
    view,
    axes.map((axis) => (axis + view.rank) % view.rank),
  );
  return left !== undefined && integerAttribute(node, 'keepdims', 1) === 1 ? view : left;
};

const handlersFor = (handler: ChannelHandler, ops: readonly string[]): Record<string, ChannelHandler> =>
  Object.fromEntries(ops.map((op) => [op, handler]));

/** Operations without trained weights. */
export const moverHandlers: Readonly<Record<string, ChannelHandler>> = {
  ...handlersFor(keep, ['Relu', 'LeakyRelu', 'Elu', 'Selu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Tanh', 'Softplus', 'Softsign', 'Erf']),
  ...handlersFor(keep, ['Clip', 'Identity', 'Cast', 'Exp', 'Log', 'Abs', 'Neg', 'Sqrt', 'Reciprocal', 'Floor', 'Ceil', 'Round', 'Sign']),
  ...handlersFor(pool, ['MaxPool', 'AveragePool', 'GlobalAveragePool', 'GlobalMaxPool']),
  ...handlersFor(elementwise, ['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Pow', 'PRelu']),
  ...handlersFor(reduce, ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceSum']),
  ...handlersFor(quantize, ['QuantizeLinear', 'DequantizeLinear']),
  FakeQuantize: fakeQuantize,
  BatchNormalization: batchNorm,
  Concat: concat,
  Pad: pad,
  Resize: resize,
  Transpose: transpose,
  Flatten: flatten,
  Reshape: reshape,
  Squeeze: squeeze,
};
