import type { GraphEdit } from './graph-edit.ts';

/** Operations whose results are never below zero. */
const NON_NEGATIVE: ReadonlySet<string> = new Set(['Abs', 'Exp', 'Relu', 'Sigmoid', 'Softmax', 'Softplus', 'Sqrt']);

/** Operations whose results are as low as their first operand at most. */
const KEEPING: ReadonlySet<string> = new Set(['AveragePool', 'GlobalAveragePool', 'MaxPool', 'QuantizeLinear', 'Reshape', 'Transpose']);

/** Whether no element of a value can be below zero, as far as the operations that make it say. */
export function isNonNegative(edit: GraphEdit, value: string): boolean {
  const node = edit.uses.producer(value);
  if (node === undefined) return false;
  const { op, inputs } = node;
  if (NON_NEGATIVE.has(op)) return true;
  if (op === 'Clip') return (edit.scalar(inputs[1]) ?? -1) >= 0;
  if (op === 'FakeQuantize') return edit.constant(inputs[3])?.data.every((low: number) => low >= 0) ?? false;
  if (op === 'DequantizeLinear' && isUnsigned(edit, inputs[2])) return true;
  return (KEEPING.has(op) || op === 'DequantizeLinear') && isNonNegative(edit, inputs[0] ?? '');
}

function isUnsigned(edit: GraphEdit, zeroPoint: string | undefined): boolean {
  return edit.constant(zeroPoint)?.type.startsWith('U') === true && edit.scalar(zeroPoint) === 0;
}
