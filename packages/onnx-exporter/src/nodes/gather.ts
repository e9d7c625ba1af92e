import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { booleanAttribute, frontAxis, numberAttribute, numbersAttribute } from '../prepare/attributes.ts';

/** Lookups, scatters and selections by index. */
export const gatherMappings: readonly OnnxNodeMapping[] = [
  { op: 'GatherV2', emit: emitGather },
  { op: 'GatherNd', emit: emitGatherNd },
  { op: 'OneHot', emit: emitOneHot },
  { op: 'TopK', emit: emitTopK },
  { op: 'ScatterNd', emit: emitScatter },
  { op: 'TensorScatterUpdate', emit: emitScatterUpdate },
];

function emitGather(context: OnnxNodeContext): void {
  const axis = frontAxis(numberAttribute(context.node, 'axis', 0), context.sizes(0).length);
  const batchDims = numberAttribute(context.node, 'batchDims', 0);
  const [x, indices] = [context.port('x'), context.port('indices')];
  if (batchDims > 0) return emitBatchedGather(context, axis, batchDims);
  const inputs = [context.input(x), context.input(indices)];
  return context.output(0, context.emit('Gather', inputs, { axis: { int: axis } }));
}

function emitBatchedGather(context: OnnxNodeContext, axis: number, batchDims: number): void {
  if (axis !== batchDims) throw context.unsupported(`it gathers along axis ${axis} with ${batchDims} batch axes`);
  const indices = context.input(context.port('indices'));
  const last = context.sizes(context.port('indices')).length;
  const single = context.emit('Unsqueeze', [toLong(context, indices), context.int64s([last])]);
  const attributes = { batch_dims: { int: batchDims } };
  const inputs = [context.input(context.port('x')), single];
  context.output(0, context.emit('GatherND', inputs, attributes));
}

function emitGatherNd(context: OnnxNodeContext): void {
  const indices = toLong(context, context.input(context.port('indices')));
  context.output(0, context.emit('GatherND', [context.input(context.port('params')), indices]));
}

// ONNX's OneHot counts negative indices from the end, TensorFlow's leaves their rows off.
function emitOneHot(context: OnnxNodeContext): void {
  const depth = numberAttribute(context.node, 'depth');
  const places = Array.from({ length: depth }, (_, i) => i);
  const range = context.builder.constant(places, [depth], 'INT32');
  const last = context.int64s([context.sizes(0).length]);
  const indices = context.emit('Unsqueeze', [context.input(0), last]);
  const value = (key: string, fallback: number): string =>
    context.scalar(numberAttribute(context.node, key, fallback), context.outputDtype());
  const inputs = [context.emit('Equal', [indices, range]), value('onValue', 1), value('offValue', 0)];
  context.output(0, context.emit('Where', inputs));
}

function emitTopK(context: OnnxNodeContext): void {
  const count = context.int64s([numberAttribute(context.node, 'k')]);
  const sorted = { int: booleanAttribute(context.node, 'sorted') ? 1 : 0 };
  const attributes = { axis: { int: -1 }, sorted };
  const [values = '', indices = ''] = context.builder.node('TopK', [context.input(0), count], {
    attributes,
    outputs: 2,
  });
  context.output(0, values);
  context.output(1, context.emit('Cast', [indices], { to: { int: 6 } }));
}

function emitScatter(context: OnnxNodeContext): void {
  const shape = context.int64s(numbersAttribute(context.node, 'shape'));
  const zeros = context.emit('Expand', [context.scalar(0, context.outputDtype()), shape]);
  scatter(context, zeros, { reduction: { string: 'add' } });
}

function emitScatterUpdate(context: OnnxNodeContext): void {
  scatter(context, context.input(context.port('tensor')), {});
}

function scatter(context: OnnxNodeContext, target: string, attributes: { readonly reduction?: { readonly string: string } }): void {
  const indices = toLong(context, context.input(context.port('indices')));
  const updates = context.input(context.port('updates'));
  const { reduction } = attributes;
  const own = reduction === undefined ? {} : { reduction };
  context.output(0, context.emit('ScatterND', [target, indices, updates], own));
}

function toLong(context: OnnxNodeContext, name: string): string {
  return context.emit('Cast', [name], { to: { int: 7 } });
}
