import { sizesIn } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute, numbersAttribute } from '../prepare/attributes.ts';

/** Tensors made of repetitions. */
export const repeatMappings: readonly OnnxNodeMapping[] = [
  { op: 'Tile', layout: 'any', emit: emitTile },
  { op: 'BroadcastTo', layout: 'any', emit: emitBroadcast },
  { op: 'Fill', emit: emitFill },
];

function emitTile(context: OnnxNodeContext): void {
  const repeats = numbersAttribute(context.node, 'reps');
  const open = context.node.batchAttrs['reps'] ?? [];
  const axes = repeats.flatMap((count, axis) => (count > 1 || open.includes(axis) ? [axis] : []));
  const layout = context.layoutWith(0, axes);
  const counts = repeats.map((count, axis) => (open.includes(axis) ? null : count));
  const vector = context.sizeVector(sizesIn(layout, counts), sizesIn(layout, repeats).map(Number));
  context.output(0, context.emit('Tile', [context.input(0, layout), vector]), layout);
}

function emitBroadcast(context: OnnxNodeContext): void {
  const layout = context.commonLayout();
  const sizes = context.outputSizes();
  const target = context.sizeVector(sizesIn(layout, sizes), sizesIn(layout, context.traced({ output: 0 })).map(Number));
  const input = context.broadcastInput(0, layout, sizes.length);
  context.output(0, context.emit('Expand', [input, target]), layout);
}

function emitFill(context: OnnxNodeContext): void {
  const value = context.scalar(numberAttribute(context.node, 'value'), context.outputDtype());
  const target = context.sizeVector(context.outputSizes(), context.traced({ output: 0 }));
  context.output(0, context.emit('Expand', [value, target]));
}
