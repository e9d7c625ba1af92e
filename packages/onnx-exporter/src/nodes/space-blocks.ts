import { channelsFirst } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { numberAttribute, numbersAttribute, pairsAttribute } from '../prepare/attributes.ts';
import { isChannelsLast } from './window-attributes.ts';

/** Blocks of the picture moved to the batch or out of the channels. */
export const spaceBlockMappings: readonly OnnxNodeMapping[] = [
  { op: 'SpaceToBatchND', emit: emitSpaceToBatch },
  { op: 'BatchToSpaceND', emit: emitBatchToSpace },
  { op: 'DepthToSpace', layout: 'channels-first', emit: emitDepthToSpace },
];

const range = (from: number, count: number, step = 1): readonly number[] => Array.from({ length: count }, (_, i) => from + i * step);

/** `[N, H, W, …]` → `[N, H/b, b, W/b, b, …]` → `[b, b, N, H/b, W/b, …]` → `[b·b·N, H/b, W/b, …]`. */
function emitSpaceToBatch(context: OnnxNodeContext): void {
  const blocks = numbersAttribute(context.node, 'blockShape');
  const paddings = pairsAttribute(context.node, 'paddings');
  const output = context.traced({ output: 0 });
  const rest = output.slice(1 + blocks.length);
  const split = blocks.flatMap((block, i) => [output[i + 1] ?? 1, block]);
  const parted = reshape(context, padded(context, paddings), [-1, ...split, ...rest]);
  const count = blocks.length;
  const perm = [...range(2, count, 2), 0, ...range(1, count, 2), ...range(1 + 2 * count, rest.length)];
  const moved = context.emit('Transpose', [parted], { perm: { ints: perm } });
  context.output(0, reshape(context, moved, [-1, ...output.slice(1)]));
}

function padded(context: OnnxNodeContext, paddings: readonly (readonly [number, number])[]): string {
  const name = context.input(0);
  if (paddings.every(([before, after]) => before + after === 0)) return name;
  const rank = context.sizes(0).length;
  const side = (i: 0 | 1): number[] => range(0, rank).map((axis) => paddings[axis - 1]?.[i] ?? 0);
  const pads = context.int64s([...side(0), ...side(1)]);
  return context.emit('Pad', [name, pads, context.scalar(0, context.dtype(0))]);
}

/** `[b·b·N, h, w, …]` → `[b, b, N, h, w, …]` → `[N, h, b, w, b, …]` → `[N, h·b, w·b, …]`, then cropped. */
function emitBatchToSpace(context: OnnxNodeContext): void {
  const blocks = numbersAttribute(context.node, 'blockShape');
  const input = context.traced({ input: 0 });
  const count = blocks.length;
  const parted = reshape(context, context.input(0), [...blocks, -1, ...input.slice(1)]);
  const pairs = range(0, count).flatMap((i) => [count + 1 + i, i]);
  const perm = [count, ...pairs, ...range(2 * count + 1, input.length - 1 - count)];
  const moved = context.emit('Transpose', [parted], { perm: { ints: perm } });
  const grown = input.slice(1).map((size, i) => size * (blocks[i] ?? 1));
  context.output(0, cropped(context, reshape(context, moved, [-1, ...grown]), grown));
}

function cropped(context: OnnxNodeContext, name: string, grown: readonly number[]): string {
  const crops = pairsAttribute(context.node, 'crops');
  if (crops.every(([before, after]) => before + after === 0)) return name;
  return context.emit('Slice', [
    name,
    context.int64s(crops.map(([before]) => before)),
    context.int64s(crops.map(([, after], i) => (grown[i] ?? 0) - after)),
    context.int64s(range(1, crops.length)),
  ]);
}

function emitDepthToSpace(context: OnnxNodeContext): void {
  if (!isChannelsLast(context.node)) throw context.unsupported('its data format is channels first');
  const layout = channelsFirst(4);
  const blocksize = { int: numberAttribute(context.node, 'blockSize') };
  const out = context.emit('DepthToSpace', [context.input(0, layout)], {
    blocksize,
    mode: { string: 'DCR' },
  });
  context.output(0, out, layout);
}

function reshape(context: OnnxNodeContext, name: string, sizes: readonly number[]): string {
  return context.emit('Reshape', [name, context.int64s(sizes)]);
}
