import type { OnnxBuilder, OnnxNodeOptions, OnnxOperand, OnnxTensor } from '@nncf/core';
import type { GraphNode } from '@nncf/core';

/** A tensor of the interpreter. */
interface Value {
  readonly data: readonly number[];
  readonly shape: readonly number[];
  readonly type: string;
}

/** One node that was written. */
export interface WrittenNode {
  readonly op: string;
  readonly domain: string;
  readonly attributes: OnnxNodeOptions['attributes'];
  readonly inputs: readonly string[];
}

/** A builder that keeps what is written and computes it at once, by the definitions in the ONNX standard. */
export interface Interpreter extends OnnxBuilder {
  readonly nodes: readonly WrittenNode[];
  readonly domains: readonly string[];
  feed(name: string, tensor: OnnxTensor): void;
  value(name: string): Value;
}

type Operation = (inputs: readonly Value[], attributes: Readonly<Record<string, number>>) => Value;

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  INT8: [-128, 127],
  UINT8: [0, 255],
  INT16: [-32768, 32767],
  UINT16: [0, 65535],
};

const OPERATIONS: Readonly<Record<string, Operation>> = {
  QuantizeLinear: ([x, scale, zero], { axis }) => {
    const type = zero?.type ?? 'UINT8';
    const [low, high] = RANGES[type] ?? [0, 0];
    const quantized = along(x, axis, (value, c) => clamp(halfToEven(Math.fround(value / at(scale, c))) + at(zero, c), low, high));
    return { ...quantized, type };
  },
  DequantizeLinear: ([x, scale, zero], { axis }) =>
    along(x, axis, (value, c) => Math.fround((value - (zero === undefined ? 0 : at(zero, c))) * at(scale, c))),
  Clip: ([x, low, high]) => along(x, undefined, (value) => clamp(value, at(low, 0), at(high, 0))),
  Min: ([x, other]) => broadcast(x, other, Math.min),
  Max: ([x, other]) => broadcast(x, other, Math.max),
  FakeQuantize: ([x, low, high], { levels = 0 }) => {
    const lows = broadcast(x, low, (_, value) => value).data;
    const highs = broadcast(x, high, (_, value) => value).data;
    const steps = levels - 1;
    const data = (x?.data ?? []).map((value, i) => fakeQuantize(value, lows[i] ?? 0, highs[i] ?? 0, steps));
    return { data, shape: x?.shape ?? [], type: 'FLOAT' };
  },
};

function fakeQuantize(x: number, low: number, high: number, steps: number): number {
  if (x <= Math.min(low, high)) return low;
  if (x > Math.max(low, high)) return high;
  return (halfToEven(((x - low) / (high - low)) * steps) / steps) * (high - low) + low;
}

/** An empty file. @param opset version of the standard operator set */
export function interpreter(options: OnnxBuilder['options'] = {}, opset = 17): Interpreter {
  const values = new Map<string, Value>();
  const nodes: WrittenNode[] = [];
  const domains: string[] = [];
  return {
    opset,
    options,
    nodes,
    domains,
    useDomain: (domain) => void domains.push(domain),
    feed: (name, { data, shape }) => void values.set(name, { data: [...data], shape, type: 'FLOAT' }),
    value: (name) => values.get(name) as Value,
    constant: (data, shape, type, name = `c${values.size}`) => {
      const [low, high] = RANGES[type] ?? [-Infinity, Infinity];
      if (![...data].every((each) => each >= low && each <= high)) throw new Error(`${type} does not hold ${[...data].join(', ')}`);
      values.set(name, { data: [...data], shape, type });
      return name;
    },
    node: (op, inputs, { domain = '', attributes = {} } = {}) => {
      const operation = OPERATIONS[op];
      if (operation === undefined) throw new Error(`the interpreter does not know ${op}`);
      nodes.push({ op, domain, attributes, inputs });
      const ints = Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, 'int' in value ? value.int : Number.NaN]));
      const name = `n${nodes.length}`;
      values.set(
        name,
        operation(
          inputs.map((input) => values.get(input) as Value),
          ints,
        ),
      );
      return [name];
    },
  };
}

/** An operand whose layout is TensorFlow's turned by `perm`; its value is fed under the name `x`. */
export function operandOf(perm: readonly number[], shape: readonly number[], weight?: OnnxTensor): OnnxOperand {
  return {
    get name() {
      if (weight !== undefined) throw new Error('the float weight was asked for');
      return 'x';
    },
    shape,
    perm,
    arrange: (parameter) => transpose(parameter, perm),
    consumer: { name: 'conv/Conv2D_0', scope: 'conv', op: 'Conv2D' } as GraphNode,
    ...(weight === undefined ? {} : { weight }),
  };
}

/** `x` with its axes in the order `perm`. */
export function transpose({ data, shape }: OnnxTensor, perm: readonly number[]): OnnxTensor {
  const turned = perm.map((axis) => shape[axis] ?? 1);
  const strides = stridesOf(shape);
  const values = Float32Array.from(data, (_, i) => {
    const position = positionOf(i, turned);
    return data[position.reduce((sum, index, axis) => sum + index * (strides[perm[axis] ?? 0] ?? 0), 0)] ?? Number.NaN;
  });
  return { data: values, shape: turned };
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
}

function positionOf(index: number, shape: readonly number[]): number[] {
  return stridesOf(shape).map((stride, axis) => Math.floor(index / stride) % (shape[axis] ?? 1));
}

function along(x: Value | undefined, axis: number | undefined, f: (value: number, channel: number) => number): Value {
  const { data = [], shape = [] } = x ?? {};
  return { data: data.map((value, i) => f(value, axis === undefined ? 0 : (positionOf(i, shape)[axis] ?? 0))), shape, type: 'FLOAT' };
}

function broadcast(x: Value | undefined, other: Value | undefined, f: (a: number, b: number) => number): Value {
  const { data = [], shape = [] } = x ?? {};
  const parameter = other ?? { data: [0], shape: [] };
  const offset = shape.length - parameter.shape.length;
  const strides = stridesOf(parameter.shape);
  const result = data.map((value, i) => {
    const position = positionOf(i, shape).slice(offset);
    const index = position.reduce((sum, each, axis) => sum + (parameter.shape[axis] === 1 ? 0 : each * (strides[axis] ?? 0)), 0);
    return f(value, parameter.data[index] ?? Number.NaN);
  });
  return { data: result, shape, type: 'FLOAT' };
}

const at = (value: Value | undefined, channel: number): number => value?.data[value.data.length === 1 ? 0 : channel] ?? Number.NaN;
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);

function halfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}
