import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute, stringAttribute } from '../prepare/attributes.ts';

/** Numbers of element types in the standard. */
const TYPE_NUMBER: Readonly<Record<string, number>> = { float32: 1, int32: 6, bool: 9 };

/** Operations on one tensor that have attributes. */
export const unaryMappings: readonly OnnxNodeMapping[] = [
  { op: 'Identity', layout: 'any', emit: passThrough },
  { op: 'Cast', layout: 'any', emit: emitCast },
  { op: 'ClipByValue', layout: 'any', emit: emitClip },
  { op: 'Step', layout: 'any', emit: emitStep },
];

function passThrough(context: OnnxNodeContext): void {
  const layout = context.layout(0);
  context.output(0, context.input(0, layout), layout);
}

function emitCast(context: OnnxNodeContext): void {
  const dtype = stringAttribute(context.node, 'dtype');
  const to = TYPE_NUMBER[dtype];
  if (to === undefined) throw context.unsupported(`its type is ${dtype}`);
  if (dtype === context.dtype(0)) return passThrough(context);
  const layout = context.layout(0);
  const out = context.emit('Cast', [context.input(0, layout)], { to: { int: to } });
  return context.output(0, out, layout);
}

function emitClip(context: OnnxNodeContext): void {
  const layout = context.layout(0);
  const bound = (key: string): string => context.scalar(numberAttribute(context.node, key), context.dtype(0));
  const inputs = [context.input(0, layout), bound('clipValueMin'), bound('clipValueMax')];
  context.output(0, context.emit('Clip', inputs), layout);
}

// 1 above zero, `alpha` elsewhere.
function emitStep(context: OnnxNodeContext): void {
  const layout = context.layout(0);
  const above = context.emit('Greater', [context.input(0, layout), context.scalar(0)]);
  const alpha = context.scalar(numberAttribute(context.node, 'alpha', 0));
  context.output(0, context.emit('Where', [above, context.scalar(1), alpha]), layout);
}
