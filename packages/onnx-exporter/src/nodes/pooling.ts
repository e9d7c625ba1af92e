import type { GraphNode, OnnxAttribute } from '@nncf/core';
import { channelsFirst } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { perAxisAttribute } from '../prepare/attributes.ts';
import { isChannelsLast, spatialSizes, windowAttributes, windowGeometry } from './window-attributes.ts';

/** Poolings over windows. */
export const poolingMappings: readonly OnnxNodeMapping[] = [
  { op: 'MaxPool', layout: 'channels-first', emit: (context) => emitPool(context, 'MaxPool') },
  { op: 'MaxPool3D', layout: 'channels-first', emit: (context) => emitPool(context, 'MaxPool') },
  { op: 'AvgPool', layout: 'channels-first', emit: emitAverage },
  { op: 'AvgPool3D', layout: 'channels-first', emit: emitAverage },
];

// TensorFlow averages over the elements that are there, padding does not count.
function emitAverage(context: OnnxNodeContext): void {
  emitPool(context, 'AveragePool', { count_include_pad: { int: 0 } });
}

function emitPool(context: OnnxNodeContext, op: string, own: Readonly<Record<string, OnnxAttribute>> = {}): void {
  if (!isChannelsLast(context.node)) throw context.unsupported('its data format is channels first');
  const layout = channelsFirst(context.sizes(0).length);
  const input = spatialSizes(context.traced({ input: 0 }));
  const output = spatialSizes(context.traced({ output: 0 }));
  const kernel = perAxisAttribute(context.node, 'filterSize', input.length);
  const geometry = windowGeometry(context.node, kernel, input, output);
  const { dilations, ...attributes } = windowAttributes(geometry);
  const dilated = isDilated(context.node, kernel.length) && dilations ? { dilations } : {};
  const name = context.input(0, layout);
  context.output(0, context.emit(op, [name], { ...attributes, ...dilated, ...own }), layout);
}

function isDilated(node: GraphNode, count: number): boolean {
  return perAxisAttribute(node, 'dilations', count, [1]).some((dilation) => dilation !== 1);
}
