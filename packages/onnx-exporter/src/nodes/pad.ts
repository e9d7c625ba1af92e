import type { Layout } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute, pairsAttribute, stringAttribute } from '../prepare/attributes.ts';

/** Borders around a tensor. */
export const padMappings: readonly OnnxNodeMapping[] = [
  { op: 'PadV2', layout: 'any', emit: emitConstantPad },
  { op: 'MirrorPad', layout: 'any', emit: emitMirrorPad },
];

type Pairs = readonly (readonly [number, number])[];

function paddedLayout(context: OnnxNodeContext, paddings: Pairs): Layout {
  const axes = paddings.flatMap(([before, after], axis) => (before + after > 0 ? [axis] : []));
  return context.layoutWith(0, axes);
}

function emitConstantPad(context: OnnxNodeContext): void {
  const paddings = pairsAttribute(context.node, 'paddings');
  const layout = paddedLayout(context, paddings);
  const value = numberAttribute(context.node, 'constantValue', 0);
  const inputs = [context.input(0, layout), padVector(context, layout, paddings), context.scalar(value, context.dtype(0))];
  context.output(0, context.emit('Pad', inputs, { mode: { string: 'constant' } }), layout);
}

function padVector(context: OnnxNodeContext, layout: Layout, paddings: Pairs): string {
  const side = (i: 0 | 1): number[] => layout.map((axis) => paddings[axis]?.[i] ?? 0);
  return context.int64s([...side(0), ...side(1)]);
}

function emitMirrorPad(context: OnnxNodeContext): void {
  const paddings = pairsAttribute(context.node, 'paddings');
  const layout = paddedLayout(context, paddings);
  const name = context.input(0, layout);
  const out =
    stringAttribute(context.node, 'mode') === 'reflect'
      ? context.emit('Pad', [name, padVector(context, layout, paddings)], {
          mode: { string: 'reflect' },
        })
      : paddings.reduce((value, _, axis) => mirror(context, value, layout, paddings, axis), name);
  context.output(0, out, layout);
}

/** ONNX cannot repeat the border itself, so the axis is gathered by index. */
function mirror(context: OnnxNodeContext, value: string, layout: Layout, paddings: Pairs, axis: number): string {
  const [before, after] = paddings[axis] ?? [0, 0];
  if (before + after === 0) return value;
  const size = context.traced({ input: 0 })[axis] ?? 1;
  const indices = Array.from({ length: before + size + after }, (_, i) => {
    const at = i - before;
    return at < 0 ? -1 - at : Math.min(at, 2 * size - 1 - at);
  });
  const inputs = [value, context.int64s(indices)];
  return context.emit('Gather', inputs, { axis: { int: layout.indexOf(axis) } });
}
