import type { GraphNode } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { NamedAttrMap, Tensor } from '@tensorflow/tfjs-core';
import { operandNames } from './attributes.ts';

/** Kernels that take a list of tensors where others take named ones. */
const LISTS: Readonly<Record<string, (operands: Tensor[], node: GraphNode) => Tensor>> = {
  Concat: (operands, node) => tf.concat(operands, Number(node.attrs['axis'] ?? 0)),
  Pack: (operands, node) => tf.stack(operands, Number(node.attrs['axis'] ?? 0)),
  AddN: (operands) => tf.addN(operands),
  Einsum: (operands, node) => tf.einsum(String(node.attrs['equation']), ...operands),
};

/** Runs a canonical node on the backend and returns its outputs. */
export function runConstantKernel(node: GraphNode, operands: readonly Tensor[]): readonly Tensor[] {
  const list = LISTS[node.op];
  if (list !== undefined) return [list([...operands], node)];
  if (node.op === 'MatMul') return [matMul(node, operands)];
  const inputs = Object.fromEntries(
    operandNames(node).flatMap((name, i) => {
      const operand = operands[i];
      return operand === undefined ? [] : [[name, operand]];
    }),
  );
  const { inputNames: _, ...attributes } = node.attrs;
  const result = tf.engine().runKernel<Tensor | Tensor[]>(node.op, inputs, attributes as NamedAttrMap);
  return Array.isArray(result) ? result : [result];
}

function matMul(node: GraphNode, [a, b]: readonly Tensor[]): Tensor {
  if (a === undefined || b === undefined) throw new TypeError(`${node.name} lacks an operand.`);
  return tf.matMul(a, b, node.attrs['transposeA'] === true, node.attrs['transposeB'] === true);
}
