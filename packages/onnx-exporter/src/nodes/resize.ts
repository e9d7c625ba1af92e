import type { OnnxAttribute } from '@nncf/core';
import { channelsFirst, sizesIn, type Layout } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { booleanAttribute } from '../prepare/attributes.ts';

/** Changes of the picture's size. */
export const resizeMappings: readonly OnnxNodeMapping[] = [
  {
    op: 'ResizeBilinear',
    layout: 'channels-first',
    emit: (context) => emitResize(context, { mode: { string: 'linear' } }),
  },
  {
    op: 'ResizeNearestNeighbor',
    layout: 'channels-first',
    emit: (context) => emitResize(context, nearest(context)),
  },
];

// TensorFlow rounds the coordinate down, except where pixel centres or corners are aligned.
function nearest({ node }: OnnxNodeContext): Readonly<Record<string, OnnxAttribute>> {
  const isAligned = booleanAttribute(node, 'alignCorners') || booleanAttribute(node, 'halfPixelCenters');
  return {
    mode: { string: 'nearest' },
    nearest_mode: { string: isAligned ? 'round_prefer_ceil' : 'floor' },
  };
}

function emitResize(context: OnnxNodeContext, own: Readonly<Record<string, OnnxAttribute>>): void {
  const layout = channelsFirst(4);
  const attributes = { ...own, coordinate_transformation_mode: { string: coordinates(context) } };
  const inputs = [context.input(0, layout), '', ...target(context, layout)];
  context.output(0, context.emit('Resize', inputs, attributes), layout);
}

function coordinates({ node }: OnnxNodeContext): string {
  if (booleanAttribute(node, 'alignCorners')) return 'align_corners';
  return booleanAttribute(node, 'halfPixelCenters') ? 'half_pixel' : 'asymmetric';
}

/** The inputs `scales` and `sizes`: scales where they are exact, for they leave the batch open. */
function target(context: OnnxNodeContext, layout: Layout): readonly string[] {
  const before = sizesIn(layout, context.traced({ input: 0 })).map(Number);
  const after = sizesIn(layout, context.traced({ output: 0 })).map(Number);
  const scales = after.map((size, i) => Math.fround(size / (before[i] ?? 1)));
  const isExact = scales.every((scale, i) => scale * (before[i] ?? 1) === after[i]);
  if (isExact) return [context.builder.constant(scales, [4], 'FLOAT')];
  return ['', context.sizeVector(sizesIn(layout, context.outputSizes()), after)];
}
