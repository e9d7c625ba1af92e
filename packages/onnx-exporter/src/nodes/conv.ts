import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { channelsFirst, plainLayout, type Layout } from '../layout/layout.ts';
import { perAxisAttribute } from '../prepare/attributes.ts';
import { isChannelsLast, spatialSizes, windowAttributes, windowGeometry } from './window-attributes.ts';

/** Convolutions: plain, depthwise, transposed, in two and three dimensions. */
export const convMappings: readonly OnnxNodeMapping[] = [
  { op: 'Conv2D', layout: 'channels-first', emit: emitConv },
  { op: 'Conv3D', layout: 'channels-first', emit: emitConv },
  { op: 'DepthwiseConv2dNative', layout: 'channels-first', emit: emitDepthwise },
  { op: 'Conv2DBackpropInput', layout: 'channels-first', emit: emitTransposed },
  { op: 'Conv3DBackpropInputV2', layout: 'channels-first', emit: emitTransposed },
];

/** `[…space, I, O]` becomes `[O, I, …space]`. */
function filterAxes(rank: number): Layout {
  return [rank - 1, rank - 2, ...plainLayout(rank - 2)];
}

function emitConv(context: OnnxNodeContext): void {
  const filter = context.traced({ input: 1 });
  const weight = context.weight(1, { axes: filterAxes(filter.length) });
  emitWindowed(context, weight, filter.slice(0, -2), 1);
}

/** `[H, W, C, M]` becomes a convolution in C groups, `[C·M, 1, H, W]`. */
function emitDepthwise(context: OnnxNodeContext): void {
  const [height = 1, width = 1, channels = 1, multiplier = 1] = context.traced({ input: 1 });
  const merged = [channels * multiplier, 1, height, width];
  const weight = context.weight(1, { axes: [2, 3, 0, 1], merged });
  emitWindowed(context, weight, [height, width], channels);
}

function emitWindowed(context: OnnxNodeContext, weight: string, kernel: readonly number[], group: number): void {
  const layout = spaceLayout(context);
  const geometry = windowGeometry(
    context.node,
    kernel,
    spatialSizes(context.traced({ input: 0 })),
    spatialSizes(context.traced({ output: 0 })),
  );
  const attributes = { ...windowAttributes(geometry), group: { int: group } };
  context.output(0, context.emit('Conv', [context.input(0, layout), weight], attributes), layout);
}

/**
 * The gradient of a convolution with regard to its input, used as a layer. Its filter is `[…space, O, I]`. The window
 * slides over the output, so padding is that of the forward convolution, and ONNX crops by it.
 */
function emitTransposed(context: OnnxNodeContext): void {
  const layout = spaceLayout(context);
  const filter = context.traced({ input: 1 });
  const [small, large] = [context.traced({ input: 0 }), context.traced({ output: 0 })];
  const geometry = windowGeometry(context.node, filter.slice(0, -2), spatialSizes(large), spatialSizes(small));
  const weight = context.weight(1, { axes: filterAxes(filter.length) });
  const attributes = {
    ...windowAttributes(geometry),
    output_padding: { ints: outputPadding(context, geometry, small, large) },
  };
  const out = context.emit('ConvTranspose', [context.input(0, layout), weight], attributes);
  context.output(0, out, layout);
}

/** What the formula of ConvTranspose falls short of the wanted size. */
function outputPadding(
  context: OnnxNodeContext,
  { kernel, pads, dilations }: ReturnType<typeof windowGeometry>,
  small: readonly number[],
  large: readonly number[],
): readonly number[] {
  const count = kernel.length;
  const strides = perAxisAttribute(context.node, 'strides', count, [1]);
  return kernel.map((size, i) => {
    const reach = ((small[i + 1] ?? 1) - 1) * (strides[i] ?? 1) + (size - 1) * (dilations[i] ?? 1) + 1;
    const cropped = reach - (pads[i] ?? 0) - (pads[i + count] ?? 0);
    return Math.max((large[i + 1] ?? 1) - cropped, 0);
  });
}

function spaceLayout(context: OnnxNodeContext): Layout {
  const rank = context.sizes(0).length;
  if (!isChannelsLast(context.node)) throw context.unsupported('its data format is channels first');
  if (rank !== context.traced({ input: 1 }).length) throw context.unsupported(`its input has rank ${rank}, without a batch`);
  return channelsFirst(rank);
}
