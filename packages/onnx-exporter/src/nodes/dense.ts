import type { OnnxNodeContext, OnnxNodeMapping } from '../node-mapping.ts';
import { isWide, plainLayout, type Layout } from '../layout/layout.ts';
import { booleanAttribute, stringAttribute } from '../prepare/attributes.ts';

/** Matrix products. */
export const denseMappings: readonly OnnxNodeMapping[] = [
  { op: 'MatMul', emit: emitMatMul },
  { op: 'Einsum', emit: emitEinsum },
];

/**
 * A product of two matrices with a constant right side is `Gemm` with the weight stored as [out, in]: both runtimes
 * quantize that form best and neither transposes it at run time. Any other product is `MatMul`.
 */
function emitMatMul(context: OnnxNodeContext): void {
  if (isMatrix(context, 0) && isMatrix(context, 1)) emitGemm(context);
  else emitBatched(context);
}

/** Whether an operand has but two axes that are wider than 1, the last ones. */
function isMatrix(context: OnnxNodeContext, port: number): boolean {
  const sizes = context.sizes(port);
  return plainLayout(Math.max(sizes.length - 2, 0)).every((axis) => !isWide(sizes, axis));
}

function emitGemm(context: OnnxNodeContext): void {
  const [rows, inner] = lastAxes(context, 0, 'transposeA');
  const [depth, columns] = lastAxes(context, 1, 'transposeB');
  const left = context.input(0, [rows, inner]);
  const right = context.weight(1, { axes: [columns, depth] });
  const out = context.emit('Gemm', [left, right], { transB: { int: 1 } });
  context.output(0, out, plainLayout(context.outputSizes().length).slice(-2));
}

function emitBatched(context: OnnxNodeContext): void {
  const left = context.input(0, batchedLayout(context, 0, 'transposeA'));
  const right = context.weight(1, { axes: batchedLayout(context, 1, 'transposeB') });
  context.output(0, context.emit('MatMul', [left, right]));
}

function batchedLayout(context: OnnxNodeContext, port: number, flag: string): Layout {
  const rank = context.sizes(port).length;
  return [...plainLayout(rank - 2), ...lastAxes(context, port, flag)];
}

/** The two last axes, in the order in which the product reads them. */
function lastAxes(context: OnnxNodeContext, port: number, flag: string): readonly [number, number] {
  const rank = context.sizes(port).length;
  const axes = [rank - 2, rank - 1] as const;
  return booleanAttribute(context.node, flag) ? [axes[1], axes[0]] : axes;
}

function emitEinsum(context: OnnxNodeContext): void {
  const equation = { string: stringAttribute(context.node, 'equation') };
  const inputs = context.node.inputs.map((_, port) => context.input(port));
  context.output(0, context.emit('Einsum', inputs, { equation }));
}
