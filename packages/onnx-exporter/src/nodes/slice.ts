import * as tf from '@tensorflow/tfjs-core';
import type { Layout } from '../layout/layout.ts';
import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { frontAxis, numberAttribute, numbersAttribute } from '../prepare/attributes.ts';
import { bindReshaped } from './reshape.ts';

/** Parts of a tensor. */
export const sliceMappings: readonly OnnxNodeMapping[] = [
  { op: 'Slice', layout: 'any', emit: emitSlice },
  { op: 'StridedSlice', layout: 'any', emit: emitStrided },
  { op: 'Reverse', layout: 'any', emit: emitReverse },
];

/** Ends that ONNX cuts to the tensor's, whichever size it has. */
const END = 2 ** 31 - 1;
const BEFORE_START = -(2 ** 31);

/** What is taken along one axis. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

function emitSlice(context: OnnxNodeContext): void {
  const input = context.traced({ input: 0 });
  const output = context.traced({ output: 0 });
  const begin = numbersAttribute(context.node, 'begin');
  const cuts = output.flatMap((size, axis) => {
    const start = begin[axis] ?? 0;
    const isWhole = start === 0 && size === input[axis];
    return isWhole ? [] : [boundedCut(context, { axis, start, end: start + size, step: 1 })];
  });
  const layout = context.layoutWith(
    0,
    cuts.map(({ axis }) => axis),
  );
  context.output(0, writeCuts(context, layout, cuts), layout);
}

/** A cut that reaches the end of an axis that follows the batch stays at the end. */
function boundedCut(context: OnnxNodeContext, cut: Cut): Cut {
  if (context.sizes(0)[cut.axis] !== null) return cut;
  if (context.outputSizes()[cut.axis] !== null) return cut;
  if (cut.end === context.traced({ input: 0 })[cut.axis]) return { ...cut, end: END };
  throw context.unsupported('it takes a share of the batch');
}

function emitStrided(context: OnnxNodeContext): void {
  const input = context.traced({ input: 0 });
  const mask = (key: string): number => numberAttribute(context.node, key, 0);
  const list = (key: string): number[] => [...numbersAttribute(context.node, key)];
  const { begin, end, strides } = tf.slice_util.sliceInfo(
    [...input],
    list('begin'),
    list('end'),
    list('strides'),
    mask('beginMask'),
    mask('endMask'),
    mask('ellipsisMask'),
    mask('newAxisMask'),
    mask('shrinkAxisMask'),
  );
  const cuts = input.flatMap((size, axis) => {
    const cut = { axis, start: begin[axis] ?? 0, end: end[axis] ?? size, step: strides[axis] ?? 1 };
    const isWhole = cut.start === 0 && cut.end === size && cut.step === 1;
    return isWhole ? [] : [safeEnd(context, cut)];
  });
  bindCut(context, cuts);
}

// Counting down to before the first element has no other end in ONNX: −1 means the last one.
function safeEnd(context: OnnxNodeContext, cut: Cut): Cut {
  if (context.sizes(0)[cut.axis] === null) throw context.unsupported('it cuts the batch');
  return cut.step < 0 && cut.end < 0 ? { ...cut, end: BEFORE_START } : cut;
}

/** Binds the output, whose axes may be fewer or more than those of what the cuts leave. */
function bindCut(context: OnnxNodeContext, cuts: readonly Cut[]): void {
  const layout = context.layoutWith(
    0,
    cuts.map(({ axis }) => axis),
  );
  const left = (sizes: readonly (number | null)[]): (number | null)[] =>
    sizes.map((size, axis) => {
      const cut = cuts.find((candidate) => candidate.axis === axis);
      return cut === undefined ? size : lengthOf(cut);
    });
  const before = {
    sizes: left(context.sizes(0)),
    traced: left(context.traced({ input: 0 })).map(Number),
  };
  const name = writeCuts(context, layout, cuts);
  bindReshaped(context, layout, before, () => name);
}

function lengthOf({ start, end, step }: Cut): number {
  const reach = end === BEFORE_START ? -1 : end;
  return Math.max(Math.ceil((reach - start) / step), 0);
}

function writeCuts(context: OnnxNodeContext, layout: Layout, cuts: readonly Cut[]): string {
  const name = context.input(0, layout);
  if (cuts.length === 0) return name;
  return context.emit('Slice', [
    name,
    context.int64s(cuts.map(({ start }) => start)),
    context.int64s(cuts.map(({ end }) => end)),
    context.int64s(cuts.map(({ axis }) => layout.indexOf(axis))),
    context.int64s(cuts.map(({ step }) => step)),
  ]);
}

function emitReverse(context: OnnxNodeContext): void {
  const rank = context.sizes(0).length;
  const axes = numbersAttribute(context.node, 'dims').map((axis) => frontAxis(axis, rank));
  const layout = context.layoutWith(0, axes);
  const cuts = axes.map((axis) => ({ axis, start: -1, end: BEFORE_START, step: -1 }));
  context.output(0, writeCuts(context, layout, cuts), layout);
}
