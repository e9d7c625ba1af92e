import {
  NncfError,
  type OnnxBuilder,
  type OnnxDataType,
  type OnnxOperand,
  type OnnxOperatorMapping,
  type OnnxTensor,
  type TensorOperator,
} from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { integerParameters, widenHalfRange } from './integer-parameters.ts';
import { FAKE_QUANTIZE, FakeQuantizer, type QuantizerGrid } from './quantizers/fake-quantizer.ts';
import { float32Values } from './tensor-values.ts';

/** OpenVINO's operator set with `FakeQuantize`. */
const OPENVINO_DOMAIN = 'org.openvinotoolkit';
/** First standard operator set whose QuantizeLinear knows 16 bits. */
const OPSET_OF_16_BITS = 21;

/**
 * A quantizer in ONNX. `qdq`: activations as QuantizeLinear and DequantizeLinear, weights as an integer initializer and DequantizeLinear; other bit
 * widths than 8 are clipped first, or kept in the next larger integer type. `fakequantize`: OpenVINO's operation, which takes any bit width.
 */
export const fakeQuantizeMapping: OnnxOperatorMapping = {
  kind: FAKE_QUANTIZE,
  emit: (operator, operand, builder) => {
    const quantizer = asQuantizer(operator);
    // The file computes what the model computes: a quantizer that is off, or has no range yet, is not there.
    if (!quantizer.isActive) return operand.name;
    const grid = arrangeGrid(quantizer.grid(), operand);
    const format = builder.options['format'] ?? quantizer.exportFormat ?? 'qdq';
    if (format === 'fakequantize') {
      const isHalf = quantizer.spec.halfRange && operand.weight !== undefined;
      return isHalf ? emitHalfRange(grid, operand.weight, builder) : emitFakeQuantize(grid, operand.name, builder);
    }
    if (format !== 'qdq') throw unknownFormat(String(format));
    return operand.weight === undefined ? emitActivation(grid, operand, builder) : emitWeight(grid, operand.weight, builder);
  },
};

/** A grid with its parameters in the layout of the file. */
interface ArrangedGrid {
  readonly low: OnnxTensor;
  readonly high: OnnxTensor;
  readonly levelLow: number;
  readonly levelHigh: number;
  /** Axis with a parameter for every position; undefined per tensor. */
  readonly axis: number | undefined;
}

function asQuantizer(operator: TensorOperator): FakeQuantizer {
  if (operator instanceof FakeQuantizer) return operator;
  throw new NncfError({
    source: 'quantization',
    code: 'EXPORT_UNSUPPORTED',
    message: `An operator of the kind "${operator.kind}" was not made by this copy of @nncf/quantization.`,
    hint: 'Two versions of the package may be installed; `npm ls @nncf/quantization` shows them.',
  });
}

function arrangeGrid({ low, high, shape, levelLow, levelHigh }: QuantizerGrid, operand: OnnxOperand): ArrangedGrid {
  const arrange = (data: Float32Array): OnnxTensor => (data.length === 1 ? { data, shape: [] } : operand.arrange({ data, shape }));
  const arranged = { low: arrange(low), high: arrange(high), levelLow, levelHigh };
  const axes = arranged.low.shape.flatMap((size, axis) => (size === 1 ? [] : [axis]));
  if (axes.length > 1) throw severalAxes(operand);
  return { ...arranged, axis: axes[0] };
}

/**
 * Weights that use half of their levels, as FakeQuantize with all of them: OpenVINO computes in 8 bits where it sees 255 or 256 levels. The
 * distance between grid points stays, and weights beyond the half are clipped beforehand.
 */
function emitHalfRange(grid: ArrangedGrid, weight: OnnxTensor, builder: OnnxBuilder): string {
  const name = builder.constant(clipped(grid, weight), weight.shape, 'FLOAT');
  const { low, high, ...levels } = widenHalfRange({ ...grid, low: grid.low.data, high: grid.high.data });
  const wide = (values: ArrayLike<number>): OnnxTensor => ({ data: Float32Array.from(values), shape: grid.low.shape });
  return emitFakeQuantize({ ...grid, ...levels, low: wide(low), high: wide(high) }, name, builder);
}

function clipped({ low, high }: ArrangedGrid, weight: OnnxTensor): Float32Array {
  let result = new Float32Array();
  tf.tidy(() => {
    const [x, lowest, highest] = [weight, low, high].map(({ data, shape }) => tf.tensor(data, [...shape])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    result = Float32Array.from(float32Values(tf.maximum(tf.minimum(x, highest), lowest)));
  });
  return result;
}

function emitFakeQuantize({ low, high, levelLow, levelHigh }: ArrangedGrid, operand: string, builder: OnnxBuilder): string {
  builder.useDomain(OPENVINO_DOMAIN, 1);
  const [lowName, highName] = [low, high].map(({ data, shape }) => builder.constant(data, shape, 'FLOAT')) as [string, string];
  const attributes = { levels: { int: levelHigh - levelLow + 1 } };
  return result(builder.node('FakeQuantize', [operand, lowName, highName, lowName, highName], { domain: OPENVINO_DOMAIN, attributes }));
}

/** An integer type and its ends. */
interface IntegerType {
  readonly name: OnnxDataType;
  readonly low: number;
  readonly high: number;
}

const INTEGER_TYPES: readonly IntegerType[] = [
  { name: 'UINT8', low: 0, high: 255 },
  { name: 'INT8', low: -128, high: 127 },
  { name: 'UINT16', low: 0, high: 65535 },
  { name: 'INT16', low: -32768, high: 32767 },
];

function integerType({ levelLow, levelHigh }: ArrangedGrid): IntegerType {
  return INTEGER_TYPES.find(({ low, high }) => levelLow >= low && levelHigh <= high && low < 0 === levelLow < 0) as IntegerType;
}

function emitActivation(grid: ArrangedGrid, operand: OnnxOperand, builder: OnnxBuilder): string {
  const type = integerType(grid);
  if (type.name.endsWith('16') && builder.opset < OPSET_OF_16_BITS) throw sixteenBits(operand, builder.opset);
  const fills = grid.levelLow === type.low && grid.levelHigh === type.high;
  const x = fills ? operand.name : clip(grid, operand, builder);
  const parameters = emitParameters(grid, type, builder);
  return result(
    builder.node(
      'DequantizeLinear',
      [result(builder.node('QuantizeLinear', [x, ...parameters], axisOf(grid))), ...parameters],
      axisOf(grid),
    ),
  );
}

/** Keeps a tensor within the ends of its grid, beyond which the integer type would go on. */
function clip({ low, high, axis }: ArrangedGrid, operand: OnnxOperand, builder: OnnxBuilder): string {
  const [lowName, highName] = [low, high].map(({ data, shape }) => builder.constant(data, shape, 'FLOAT')) as [string, string];
  if (axis === undefined) return result(builder.node('Clip', [operand.name, lowName, highName]));
  return result(builder.node('Max', [result(builder.node('Min', [operand.name, highName])), lowName]));
}

function emitWeight(grid: ArrangedGrid, weight: OnnxTensor, builder: OnnxBuilder): string {
  const type = integerType(grid);
  const { integers, zeroPoint } = integersOf(grid, weight);
  if (type.name.endsWith('16')) {
    // DequantizeLinear takes 32 bits without a zero point in every version.
    const name = builder.constant(integers, weight.shape, 'INT32');
    return result(builder.node('DequantizeLinear', [name, emitScale(grid, builder)], axisOf(grid)));
  }
  const shifted = integers.map((level, i) => level + (zeroPoint[i] ?? 0));
  const name = builder.constant(shifted, weight.shape, type.name);
  return result(builder.node('DequantizeLinear', [name, ...emitParameters(grid, type, builder)], axisOf(grid)));
}

/** Levels of a weight counted from zero, and the zero point of each, by the formula of the quantizer itself. */
function integersOf({ low, high, levelLow, levelHigh }: ArrangedGrid, weight: OnnxTensor): { integers: Int32Array; zeroPoint: Int32Array } {
  let result = { integers: new Int32Array(), zeroPoint: new Int32Array() };
  tf.tidy(() => {
    const [x, lowest, highest] = [weight, low, high].map(({ data, shape }) => tf.tensor(data, [...shape])) as [
      tf.Tensor,
      tf.Tensor,
      tf.Tensor,
    ];
    const s = tf.div(levelHigh - levelLow, tf.sub(highest, lowest));
    const zero = tf.round(tf.mul(tf.neg(lowest), s));
    const clamped = tf.maximum(tf.minimum(x, highest), lowest);
    const levels = tf.round(tf.sub(tf.mul(tf.sub(clamped, lowest), s), zero));
    const zeroPoint = tf.broadcastTo(tf.add(zero, levelLow), x.shape);
    // Not returned from here: `tidy` would look through every element of what it returns for tensors.
    result = { integers: Int32Array.from(float32Values(levels)), zeroPoint: Int32Array.from(float32Values(zeroPoint)) };
  });
  return result;
}

/** Scale and zero point, the inputs that QuantizeLinear and DequantizeLinear share. */
function emitParameters(grid: ArrangedGrid, type: IntegerType, builder: OnnxBuilder): readonly string[] {
  const { zeroPoint } = parametersOf(grid);
  return [emitScale(grid, builder), builder.constant(zeroPoint, parameterShape(grid), type.name)];
}

function emitScale(grid: ArrangedGrid, builder: OnnxBuilder): string {
  return builder.constant(parametersOf(grid).scale, parameterShape(grid), 'FLOAT');
}

function parametersOf({ low, high, levelLow, levelHigh }: ArrangedGrid): ReturnType<typeof integerParameters> {
  return integerParameters({ low: low.data, high: high.data, levelLow, levelHigh });
}

function parameterShape({ low, axis }: ArrangedGrid): readonly number[] {
  return axis === undefined ? [] : [low.data.length];
}

function axisOf({ axis }: ArrangedGrid): { attributes?: { axis: { int: number } } } {
  return axis === undefined ? {} : { attributes: { axis: { int: axis } } };
}

function result(outputs: readonly string[]): string {
  return outputs[0] as string;
}

function unknownFormat(format: string): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'EXPORT_FORMAT_UNKNOWN',
    message: `The export format "${format}" is not known.`,
    hint: 'Allowed: qdq, fakequantize.',
  });
}

function severalAxes(operand: OnnxOperand): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'EXPORT_UNSUPPORTED',
    message: `The quantizer at ${operand.consumer.name} has scales along several axes, which ONNX cannot say.`,
    hint: 'Quantize it per tensor by "scope_overrides".',
  });
}

function sixteenBits(operand: OnnxOperand, opset: number): NncfError {
  return new NncfError({
    source: 'quantization',
    code: 'EXPORT_UNSUPPORTED',
    message: `The activations that ${operand.consumer.name} reads have more than 8 bits, which operator set ${opset} cannot say.`,
    hint: `Export with "format": "fakequantize" (OpenVINO), or with operator set ${OPSET_OF_16_BITS} or later.`,
  });
}
