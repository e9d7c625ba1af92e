import type { OnnxOperatorMapping, PlanCommand, TensorOperator, TransformKind } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Ends of {@link steps64}. */
const [LOW, HIGH] = [-128 / 64, 127 / 64];

/** A grid of 1/64 in 8 bits: on every backend exact, for it has powers of two alone. */
export const steps64: TensorOperator = {
  kind: 'test-grid',
  parameters: [],
  apply: (x) => tf.div(tf.round(tf.mul(tf.clipByValue(x, LOW, HIGH), 64)), 64),
};

/** That grid in ONNX: integers for a weight, quantization for anything else. */
export const steps64Mapping: OnnxOperatorMapping = {
  kind: 'test-grid',
  emit: (_, operand, builder) => {
    const scale = builder.constant([1 / 64], [], 'FLOAT');
    const zero = builder.constant([0], [], 'INT8');
    const { weight } = operand;
    const integers =
      weight === undefined
        ? (builder.node('QuantizeLinear', [operand.name, scale, zero])[0] ?? '')
        : builder.constant(
            Int32Array.from(weight.data, (value) => Math.round(Math.min(Math.max(value, LOW), HIGH) * 64)),
            weight.shape,
            'INT8',
          );
    return builder.node('DequantizeLinear', [integers, scale, zero])[0] ?? '';
  },
};

/** Clears every value below zero. */
export const positiveMask: TensorOperator = { kind: 'test-mask', parameters: [], apply: (x: Tensor) => tf.relu(x) };

/** An operator that no package maps. */
export const unmapped: TensorOperator = { kind: 'test-unmapped', parameters: [], apply: (x) => x };

/** A command that puts one operator at operands. */
export function command(
  operator: string,
  points: readonly (readonly [node: string, port: number])[],
  transform: TransformKind = 'discretize',
): PlanCommand {
  return {
    algorithm: 'test',
    operator,
    target: 'weight',
    transform,
    points: points.map(([node, port]) => ({ node, port })),
    values: [],
    description: '',
    spec: {},
  };
}
