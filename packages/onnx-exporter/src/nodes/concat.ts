import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import type { Layout } from '../layout/layout.ts';
import { frontAxis, numberAttribute } from '../prepare/attributes.ts';

/** Joining and parting tensors along an axis. */
export const concatMappings: readonly OnnxNodeMapping[] = [
  { op: 'Concat', layout: 'any', emit: emitConcat },
  { op: 'SplitV', layout: 'any', emit: emitSplit },
  { op: 'Pack', emit: emitPack },
  { op: 'Unpack', emit: emitUnpack },
];

function axisOf(context: OnnxNodeContext, rank: number): number {
  return frontAxis(numberAttribute(context.node, 'axis', 0), rank);
}

function emitConcat(context: OnnxNodeContext): void {
  const axis = axisOf(context, context.outputSizes().length);
  const layout = context.commonLayout([axis]);
  const inputs = context.node.inputs.map((_, port) => context.input(port, layout));
  context.output(0, context.emit('Concat', inputs, { axis: { int: layout.indexOf(axis) } }), layout);
}

function emitSplit(context: OnnxNodeContext): void {
  const axis = axisOf(context, context.sizes(0).length);
  const layout = context.layoutWith(0, [axis]);
  parts(context, axis, layout).forEach((name, index) => context.output(index, name, layout));
}

/** Parts along an axis, as wide as the node's outputs (1 where these have lost the axis). */
function parts(context: OnnxNodeContext, axis: number, layout: Layout): readonly string[] {
  const rank = context.sizes(0).length;
  const widths = context.node.outputs.map((_, index) => {
    const traced = context.traced({ output: index });
    return traced.length === rank ? (traced[axis] ?? 1) : 1;
  });
  const inputs = [context.input(0, layout), context.int64s(widths)];
  if (widths.length === 1) return inputs.slice(0, 1);
  return context.builder.node('Split', inputs, {
    attributes: { axis: { int: layout.indexOf(axis) } },
    outputs: widths.length,
  });
}

function emitPack(context: OnnxNodeContext): void {
  const axis = axisOf(context, context.outputSizes().length);
  const place = context.int64s([axis]);
  const inputs = context.node.inputs.map((_, port) => context.emit('Unsqueeze', [context.input(port), place]));
  context.output(0, context.emit('Concat', inputs, { axis: { int: axis } }));
}

function emitUnpack(context: OnnxNodeContext): void {
  const axis = axisOf(context, context.sizes(0).length);
  const layout = context.sizes(0).map((_, i) => i);
  parts(context, axis, layout).forEach((part, index) => context.output(index, context.emit('Squeeze', [part, context.int64s([axis])])));
}
