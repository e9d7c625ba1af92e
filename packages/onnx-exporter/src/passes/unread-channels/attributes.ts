import type { OnnxNode } from '../../emit/onnx-graph.ts';

/** A whole number among a node's attributes. */
export function integerAttribute({ attributes }: OnnxNode, name: string, fallback: number): number {
  const value = attributes[name];
  return value !== undefined && 'int' in value ? value.int : fallback;
}

/** A list of whole numbers among a node's attributes. */
export function integersAttribute({ attributes }: OnnxNode, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return value !== undefined && 'ints' in value ? value.ints : undefined;
}
