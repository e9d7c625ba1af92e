import type { OnnxBuilder, OnnxOperand, OnnxOperatorMapping, OnnxTensor, TensorOperator } from '@nncf/core';
import type { BinarizationMode } from './config.ts';
import { foreignOperator, unknownFormat } from './errors.ts';
import { ActivationBinarizer, BINARIZE_ACTIVATIONS, type BinaryGrid } from './operators/activation-binarizer.ts';
import { BINARIZE_WEIGHTS, WeightBinarizer, type BinarizerOptions } from './operators/weight-binarizer.ts';

/** OpenVINO's operator set with `FakeQuantize`. */
const OPENVINO_DOMAIN = 'org.openvinotoolkit';

/** Scale of a filter that holds but zeros, in files: OpenVINO divides by it before it looks for signs. */
const SMALLEST = 1e-30;

/**
 * Binary activations in ONNX. `qdq`: a comparison with the limits t·s and a choice between s and 0, both of the standard. `fakequantize`: OpenVINO's
 * operation with two levels, whose input range is the limit alone, where OpenVINO makes a binary convolution of the one behind it. Elsewhere OpenVINO would
 * compute NaN of such a range, and the standard's operations stand.
 */
export const activationMapping: OnnxOperatorMapping = {
  kind: BINARIZE_ACTIVATIONS,
  emit: (operator, operand, builder) => {
    if (!(operator instanceof ActivationBinarizer)) throw foreignOperator(operator.kind);
    // The file computes what the model computes: a binarizer that is off, or has no scale yet, is not there.
    if (!operator.isActive) return operand.name;
    const grid = operator.grid();
    const limits = store(operand.arrange(perChannel(grid.limits, operand.perm.length)), builder);
    return formatOf(operator, builder) === 'fakequantize' && operator.isPacked
      ? emitFakeQuantize(operand.name, [limits, limits, ...outputRange(operator.place, grid, builder)], builder)
      : emitChoice(grid, limits, operand, builder);
  },
};

/**
 * Binary weights in ONNX. `qdq`: integers 1 and −1 with a scale for each filter or for all. `fakequantize`: OpenVINO's operation with two levels,
 * whose input range is zero alone, where it makes a binary convolution of that.
 */
export const weightMapping: OnnxOperatorMapping = {
  kind: BINARIZE_WEIGHTS,
  emit: (operator, operand, builder) => {
    if (!(operator instanceof WeightBinarizer)) throw foreignOperator(operator.kind);
    const { weight } = operand;
    if (!operator.isActive || weight === undefined) return operand.name;
    const scales = scalesOf(weight, operator.mode, operand);
    const isFake = formatOf(operator, builder) === 'fakequantize' && operator.isPacked;
    return isFake ? emitFakeWeight(weight, scales, builder) : emitSigns(weight, scales, builder);
  },
};

function formatOf({ exportFormat }: BinarizerOptions & TensorOperator, builder: OnnxBuilder): 'qdq' | 'fakequantize' {
  const format = builder.options['format'] ?? exportFormat ?? 'qdq';
  if (format !== 'qdq' && format !== 'fakequantize') throw unknownFormat(String(format));
  return format;
}

/**
 * 0 and s. OpenVINO joins equal nodes, and makes no binary convolution of two that read one tensor: the range of each further reader has other axes of
 * size 1, up to 24 of them.
 */
function outputRange(place: number, { scale }: BinaryGrid, builder: OnnxBuilder): readonly [low: string, high: string] {
  const axes = (count: number): number[] => Array.from({ length: count % 5 }, () => 1);
  return [
    store({ data: Float32Array.of(0), shape: axes(place) }, builder),
    store({ data: Float32Array.of(scale), shape: axes(Math.floor(place / 5)) }, builder),
  ];
}

/** s where x is above its limit, else 0. */
function emitChoice({ scale }: BinaryGrid, limits: string, operand: OnnxOperand, builder: OnnxBuilder): string {
  const above = first(builder.node('Greater', [operand.name, limits]));
  return first(builder.node('Where', [above, scalar(scale, builder), scalar(0, builder)]));
}

function emitFakeQuantize(x: string, ranges: readonly string[], builder: OnnxBuilder): string {
  builder.useDomain(OPENVINO_DOMAIN, 1);
  return first(builder.node('FakeQuantize', [x, ...ranges], { domain: OPENVINO_DOMAIN, attributes: { levels: { int: 2 } } }));
}

/** Scales of a weight in the layout of the file. */
interface Scales extends OnnxTensor {
  /** Axis of the filters; undefined where one scale serves all. */
  readonly axis: number | undefined;
}

function scalesOf(weight: OnnxTensor, mode: BinarizationMode, { perm }: OnnxOperand): Scales {
  // Filters are the last axis of TensorFlow's layout.
  const axis = mode === 'xnor' ? perm.indexOf(perm.length - 1) : undefined;
  const shape = weight.shape.map((size, i) => (i === axis ? size : 1));
  return { data: meanMagnitudes(weight, axis), shape, axis };
}

function meanMagnitudes({ data, shape }: OnnxTensor, axis: number | undefined): Float32Array {
  const filterOf = filterIndex(shape, axis);
  const count = axis === undefined ? 1 : (shape[axis] ?? 1);
  const sums = new Float64Array(count);
  data.forEach((value, i) => {
    sums[filterOf(i)]! += Math.abs(value);
  });
  return Float32Array.from(sums, (sum) => sum / (data.length / count));
}

/** The filter that an element of a weight belongs to. */
function filterIndex(shape: readonly number[], axis: number | undefined): (element: number) => number {
  if (axis === undefined) return () => 0;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return (element) => Math.floor(element / inner) % (shape[axis] ?? 1);
}

/** A filter of zeros keeps them: DequantizeLinear takes no scale of 0. */
function emitSigns({ data, shape }: OnnxTensor, scales: Scales, builder: OnnxBuilder): string {
  const filterOf = filterIndex(shape, scales.axis);
  const integers = Int32Array.from(data, (value, i) => (value > 0 ? 1 : scales.data[filterOf(i)] === 0 ? 0 : -1));
  const signs = builder.constant(integers, shape, 'INT8');
  const positive = scales.data.map((scale) => Math.max(scale, SMALLEST));
  const scale = builder.constant(positive, scales.axis === undefined ? [] : [positive.length], 'FLOAT');
  const attributes = scales.axis === undefined ? {} : { attributes: { axis: { int: scales.axis } } };
  return first(builder.node('DequantizeLinear', [signs, scale], attributes));
}

/** The ranges have the rank of the weight: OpenVINO reads the number of filters from their first axis. */
function emitFakeWeight({ data, shape }: OnnxTensor, { data: scales, shape: scaleShape }: Scales, builder: OnnxBuilder): string {
  const signs = Float32Array.from(data, (value) => (value > 0 ? 1 : -1));
  const high = scales.map((scale) => Math.max(scale, SMALLEST));
  const zero = store({ data: Float32Array.of(0), shape: scaleShape.map(() => 1) }, builder);
  const ranges = [
    zero,
    zero,
    store({ data: high.map((scale) => -scale), shape: scaleShape }, builder),
    store({ data: high, shape: scaleShape }, builder),
  ];
  return emitFakeQuantize(builder.constant(signs, shape, 'FLOAT'), ranges, builder);
}

/** One value for each channel, in the shape in which it broadcasts against a tensor of this rank. */
function perChannel(data: Float32Array, rank: number): OnnxTensor {
  return { data, shape: [...Array.from({ length: rank - 1 }, () => 1), data.length] };
}

function store({ data, shape }: OnnxTensor, builder: OnnxBuilder): string {
  return builder.constant(data, shape, 'FLOAT');
}

function scalar(value: number, builder: OnnxBuilder): string {
  return builder.constant([value], [], 'FLOAT');
}

function first(outputs: readonly string[]): string {
  return outputs[0] as string;
}
