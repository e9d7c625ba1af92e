import { sizesIn } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute, numbersAttribute } from '../prepare/attributes.ts';

/** Tensors made of repetitions. */
export const repeatMappings: readonly OnnxNodeMapping[] = [
  { op: 'Tile', layout: 'any', emit: emitTile },
  { op: 'BroadcastTo', layout: 'any', emit: (context) => context.outputRepeated(0, 0) },
  { op: 'Fill', emit: emitFill },
];

function emitTile(context: OnnxNodeContext): void {
  const repeats = numbersAttribute(context.node, 'reps');
  const open = context.node.batchAttrs['reps'] ?? [];
  const isOne = (axis: number): boolean => context.sizes(0)[axis] === 1;
  const axes = repeats.flatMap((count, axis) => (count > 1 || open.includes(axis) ? [axis] : []));
  if (axes.every(isOne)) return context.outputRepeated(0, 0);
  const layout = context.layoutWith(0, axes);
  const counts = repeats.map((count, axis) => (open.includes(axis) ? null : count));
  const vector = context.sizeVector(sizesIn(layout, counts), sizesIn(layout, repeats).map(Number));
  return context.output(0, context.emit('Tile', [context.input(0, layout), vector]), layout);
}

function emitFill(context: OnnxNodeContext): void {
  const value = context.scalar(numberAttribute(context.node, 'value'), context.outputDtype());
  const target = context.sizeVector(context.outputSizes(), context.traced({ output: 0 }));
  context.output(0, context.emit('Expand', [value, target]));
}
