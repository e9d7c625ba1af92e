import { sizesIn, type Layout } from '../layout/layout.ts';
import { planReshape, type TracedShape } from '../layout/reshape-layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numbersAttribute } from '../prepare/attributes.ts';

/** Operations that give a tensor another shape and move no element, or only reorder axes. */
export const reshapeMappings: readonly OnnxNodeMapping[] = [
  { op: 'Reshape', layout: 'any', emit: emitReshape },
  { op: 'ExpandDims', layout: 'any', emit: emitReshape },
  // No wish for a layout: the axes before it are not those behind it.
  { op: 'Transpose', emit: emitTranspose },
];

function emitReshape(context: OnnxNodeContext): void {
  const before = { sizes: context.sizes(0), traced: context.traced({ input: 0 }) };
  bindReshaped(context, context.layout(0), before, (layout) => context.input(0, layout));
}

/**
 * Binds the node's output to a tensor that has another shape yet.
 *
 * @param layout of the tensor as it is at hand
 * @param before its shape
 * @param input name of the tensor in a layout
 */
export function bindReshaped(context: OnnxNodeContext, layout: Layout, before: TracedShape, input: (layout: Layout) => string): void {
  const after = { sizes: context.outputSizes(), traced: context.traced({ output: 0 }) };
  const plan = planReshape(layout, before, after);
  if (plan.kind === 'relabel') context.output(0, squeezed(context, input(layout), plan.squeeze), plan.layout);
  else context.output(0, context.emit('Reshape', [input(plan.from), target(context, plan.layout, after)]), plan.layout);
}

function squeezed(context: OnnxNodeContext, name: string, axes: readonly number[]): string {
  return axes.length === 0 ? name : context.emit('Squeeze', [name, context.int64s(axes)]);
}

/** The shape to reshape to. ONNX works one open size out by itself. */
function target(context: OnnxNodeContext, layout: Layout, after: TracedShape): string {
  const sizes = sizesIn(layout, after.sizes);
  if (sizes.filter((size) => size === null).length === 1) return context.int64s(sizes.map((size) => size ?? -1));
  return context.sizeVector(sizes, sizesIn(layout, after.traced).map(Number));
}

/** A transposition costs nothing here: the axes get other names, and who needs them in order puts them in order. */
function emitTranspose(context: OnnxNodeContext): void {
  const perm = numbersAttribute(context.node, 'perm');
  const layout = context.layout(0);
  context.output(
    0,
    context.input(0, layout),
    layout.map((axis) => perm.indexOf(axis)),
  );
}
