import type { OnnxAttribute } from '@nncf/core';
import { channelsFirst, plainLayout, sameLayout, type Layout } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { booleanAttribute, frontAxis, numberAttribute, numbersAttribute } from '../prepare/attributes.ts';

/** Operations that run along axes: sums, extremes, positions. */
export const reduceMappings: readonly OnnxNodeMapping[] = [
  { op: 'Mean', layout: 'any', emit: (context) => emitPooled(context, 'Mean', 'Average') },
  { op: 'Max', layout: 'any', emit: (context) => emitPooled(context, 'Max', 'Max') },
  { op: 'Sum', layout: 'any', emit: (context) => emitReduce(context, 'ReduceSum') },
  { op: 'Min', layout: 'any', emit: (context) => emitReduce(context, 'ReduceMin') },
  { op: 'Prod', layout: 'any', emit: (context) => emitReduce(context, 'ReduceProd') },
  { op: 'All', layout: 'any', emit: (context) => emitLogical(context, 'ReduceMin') },
  { op: 'Any', layout: 'any', emit: (context) => emitLogical(context, 'ReduceMax') },
  { op: 'ArgMax', layout: 'any', emit: (context) => emitPosition(context, 'ArgMax') },
  { op: 'ArgMin', layout: 'any', emit: (context) => emitPosition(context, 'ArgMin') },
  { op: 'Cumsum', layout: 'any', emit: emitCumulative },
];

/** A reduction ready to be written. */
interface Reduction {
  readonly axes: readonly number[];
  readonly layout: Layout;
  readonly keepDims: boolean;
}

function reductionOf(context: OnnxNodeContext): Reduction {
  const rank = context.sizes(0).length;
  // One kernel calls its axes otherwise. Without axes all of them are meant.
  const key = context.node.op === 'Max' ? 'reductionIndices' : 'axis';
  const axes = numbersAttribute(context.node, key, plainLayout(rank)).map((axis) => frontAxis(axis, rank));
  const keepDims = booleanAttribute(context.node, 'keepDims');
  return { axes, layout: context.layoutWith(0, axes), keepDims };
}

/** The layout without some axes, the others counted anew. */
function layoutWithout(layout: Layout, axes: readonly number[]): Layout {
  return layout.filter((axis) => !axes.includes(axis)).map((axis) => axis - axes.filter((other) => other < axis).length);
}

/** Over all of the picture it is global pooling, which the runtimes know how to quantize. */
function emitPooled(context: OnnxNodeContext, name: string, pool: string): void {
  const reduction = reductionOf(context);
  const { axes, layout } = reduction;
  const isGlobal = sameLayout(layout, channelsFirst(4)) && axes.length === 2 && axes.every((axis) => [1, 2].includes(axis));
  if (!isGlobal) return emitReduce(context, `Reduce${name}`);
  const pooled = context.emit(`Global${pool}Pool`, [context.input(0, layout)]);
  return bindPooled(context, pooled, reduction);
}

function bindPooled(context: OnnxNodeContext, pooled: string, { layout, keepDims }: Reduction): void {
  if (keepDims) context.output(0, pooled, layout);
  else context.output(0, context.emit('Flatten', [pooled], { axis: { int: 1 } }));
}

function emitReduce(context: OnnxNodeContext, op: string): void {
  const reduction = reductionOf(context);
  bind(context, reduction, writeReduce(context, op, context.input(0, reduction.layout), reduction));
}

// The standard has no extremes of truth values.
function emitLogical(context: OnnxNodeContext, op: string): void {
  const reduction = reductionOf(context);
  const numbers = context.emit('Cast', [context.input(0, reduction.layout)], { to: { int: 6 } });
  const reduced = writeReduce(context, op, numbers, reduction);
  bind(context, reduction, context.emit('Cast', [reduced], { to: { int: 9 } }));
}

function writeReduce(context: OnnxNodeContext, op: string, input: string, { axes, layout, keepDims }: Reduction): string {
  // Counted from the end, so that the last axis can be told without the rank.
  const positions = axes.map((axis) => layout.indexOf(axis) - layout.length);
  const keepdims: OnnxAttribute = { int: keepDims ? 1 : 0 };
  if (positions.length === 0) return input;
  // Axes moved from attribute to input with operator set 13 (sum) and 18 (the others).
  const isInput = op === 'ReduceSum' || context.builder.opset >= 18;
  return isInput
    ? context.emit(op, [input, context.int64s(positions)], { keepdims })
    : context.emit(op, [input], { keepdims, axes: { ints: positions } });
}

function bind(context: OnnxNodeContext, { axes, layout, keepDims }: Reduction, name: string): void {
  context.output(0, name, keepDims ? layout : layoutWithout(layout, axes));
}

function emitPosition(context: OnnxNodeContext, op: string): void {
  const axis = frontAxis(numberAttribute(context.node, 'axis'), context.sizes(0).length);
  const layout = context.layoutWith(0, [axis]);
  const attributes = { axis: { int: layout.indexOf(axis) }, keepdims: { int: 0 } };
  const long = context.emit(op, [context.input(0, layout)], attributes);
  const out = context.emit('Cast', [long], { to: { int: 6 } });
  context.output(0, out, layoutWithout(layout, [axis]));
}

function emitCumulative(context: OnnxNodeContext): void {
  const axis = frontAxis(numberAttribute(context.node, 'axis'), context.sizes(0).length);
  const layout = context.layoutWith(0, [axis]);
  const flag = (key: string): OnnxAttribute => ({
    int: booleanAttribute(context.node, key) ? 1 : 0,
  });
  const position = context.builder.constant([layout.indexOf(axis)], [], 'INT64');
  const out = context.emit('CumSum', [context.input(0, layout), position], {
    exclusive: flag('exclusive'),
    reverse: flag('reverse'),
  });
  context.output(0, out, layout);
}
