import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { frontAxis, numberAttribute } from '../prepare/attributes.ts';

/** Softmax and its logarithm. */
export const softmaxMappings: readonly OnnxNodeMapping[] = [
  { op: 'Softmax', layout: 'any', emit: (context) => emitAlong(context, 'Softmax', 'dim') },
  { op: 'LogSoftmax', layout: 'any', emit: (context) => emitAlong(context, 'LogSoftmax', 'axis') },
];

function emitAlong(context: OnnxNodeContext, op: string, key: string): void {
  const rank = context.sizes(0).length;
  const axis = frontAxis(numberAttribute(context.node, key, -1), rank);
  const layout = context.layoutWith(0, [axis]);
  const attributes = { axis: { int: layout.indexOf(axis) } };
  context.output(0, context.emit(op, [context.input(0, layout)], attributes), layout);
}
