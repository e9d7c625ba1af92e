import * as tf from '@tensorflow/tfjs-core';
import type { Tensor, Variable } from '@tensorflow/tfjs-core';
import { describeOperations } from './support/operation-case.ts';

const unary: readonly (readonly [string, (x: Tensor) => Tensor, boolean?])[] = [
  ['abs', tf.abs],
  ['acosh', (x) => tf.acosh(tf.add(x, 1.5)), true],
  ['acos', (x) => tf.acos(tf.mul(tf.tanh(x), 0.9))],
  ['asin', (x) => tf.asin(tf.mul(tf.tanh(x), 0.9))],
  ['asinh', tf.asinh],
  ['atan', tf.atan],
  ['atanh', (x) => tf.atanh(tf.mul(tf.tanh(x), 0.9))],
  ['ceil', tf.ceil],
  ['clipByValue', (x) => tf.clipByValue(x, -0.5, 0.7)],
  ['cos', tf.cos],
  ['cosh', tf.cosh],
  ['elu', tf.elu],
  ['erf', tf.erf],
  ['exp', tf.exp],
  ['expm1', tf.expm1],
  ['floor', tf.floor],
  ['isFinite', (x) => tf.isFinite(tf.div(1, tf.relu(x)))],
  ['isInf', (x) => tf.isInf(tf.div(1, tf.relu(x)))],
  ['isNaN', (x) => tf.isNaN(tf.log(x))],
  ['leakyRelu', (x) => tf.leakyRelu(x, 0.3)],
  ['log', tf.log, true],
  ['log1p', tf.log1p, true],
  ['logicalNot', (x) => tf.logicalNot(tf.greater(x, 0))],
  ['neg', tf.neg],
  ['onesLike', tf.onesLike],
  ['reciprocal', tf.reciprocal, true],
  ['relu', tf.relu],
  ['relu6', (x) => tf.relu6(tf.mul(x, 5))],
  ['round', (x) => tf.round(tf.mul(x, 3))],
  ['rsqrt', tf.rsqrt, true],
  ['selu', tf.selu],
  ['sigmoid', tf.sigmoid],
  ['sign', tf.sign],
  ['sin', tf.sin],
  ['sinh', tf.sinh],
  ['softplus', tf.softplus],
  ['sqrt', tf.sqrt, true],
  ['square', tf.square],
  ['step', (x) => tf.step(x, 0.25)],
  ['tan', (x) => tf.tan(tf.tanh(x))],
  ['tanh', tf.tanh],
  ['zerosLike', tf.zerosLike],
  ['cast to int and back', (x) => tf.cast(tf.cast(tf.mul(x, 5), 'int32'), 'float32')],
  ['cast from bool', (x) => tf.cast(tf.greater(x, 0), 'float32')],
];

const binary: readonly (readonly [string, (x: Tensor, y: Tensor) => Tensor, boolean?])[] = [
  ['add', tf.add],
  ['sub', tf.sub],
  ['mul', tf.mul],
  ['div', tf.div, true],
  ['floorDiv', (x, y) => tf.floorDiv(x, y), true],
  ['maximum', tf.maximum],
  ['minimum', tf.minimum],
  ['mod', (x, y) => tf.mod(tf.mul(tf.sub(x, 1), 7), y), true],
  ['pow', tf.pow, true],
  ['squaredDifference', tf.squaredDifference],
  ['equal', (x, y) => tf.equal(tf.round(x), tf.round(y))],
  ['notEqual', (x, y) => tf.notEqual(tf.round(x), tf.round(y))],
  ['greater', tf.greater],
  ['greaterEqual', tf.greaterEqual],
  ['less', tf.less],
  ['lessEqual', tf.lessEqual],
  ['logicalAnd', (x, y) => tf.logicalAnd(tf.greater(x, 0), tf.greater(y, 0))],
  ['logicalOr', (x, y) => tf.logicalOr(tf.greater(x, 0), tf.greater(y, 0))],
  ['logicalXor', (x, y) => tf.logicalXor(tf.greater(x, 0), tf.greater(y, 0))],
  ['where', (x, y) => tf.where(tf.greater(x, 0), x, y)],
  ['addN', (x, y) => tf.addN([x, tf.add(x, y), x])],
  ['prelu', (x, y) => tf.prelu(x, tf.abs(y))],
];

/** The second operand in the shapes that broadcasting knows, against `[N, 5, 6, 4]`. */
const operandShapes: readonly (readonly [string, readonly number[]])[] = [
  ['scalar', []],
  ['channels', [4]],
  ['pixels', [5, 6, 1]],
  ['full', [1, 5, 6, 4]],
];

/** Addition meets every shape; the others share its layouts and meet two. */
const shapesFor = (name: string): typeof operandShapes => {
  if (name === 'add') return operandShapes;
  // `tf.where` broadcasts by other operations at batch size 1 than at others when an operand's first size is 1.
  return operandShapes.filter(([shape]) => shape === 'channels' || (shape === 'full' && name !== 'where'));
};

describeOperations('elementwise', [
  ...unary.map(([name, call, positive = false]) => ({
    name,
    shape: [5, 4],
    call,
    positive,
    ...(name === 'isInf' ? { openvinoDiffers: "OpenVINO's CPU kernel never finds a value infinite" } : {}),
  })),
  ...binary.flatMap(([name, call, positive = false]) =>
    shapesFor(name).map(([operand, shape]) => ({
      name: `${name} ${operand}`,
      shape: [5, 6, 4],
      variables: { y: shape },
      positive,
      call: (x: Tensor, { y }: Record<string, Variable>) => call(x, y as Variable),
    })),
  ),
]);
