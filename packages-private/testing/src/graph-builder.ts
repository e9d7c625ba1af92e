import type { GraphNode, GraphValue, JsonObject, ModelGraph, ValueKind } from '@nncf/core';

/** A value under construction: what a builder hands out and takes. */
export type ValueId = number;

/** Options of {@link GraphBuilder.op}. */
export interface NodeOptions {
  /** Layer path; the first input's producer decides nothing: it is empty unless given. */
  readonly scope?: string;
  /** Shapes of the results, batch included. @default one of the first input's shape */
  readonly shapes?: readonly (readonly number[])[];
  readonly attrs?: JsonObject;
  readonly inputNames?: readonly string[];
  /** @default true */
  readonly insertable?: boolean;
  /** @default 'float32' */
  readonly dtype?: string;
}

/** Options of {@link GraphBuilder.conv}. */
export interface ConvOptions {
  /** @default 4 */
  readonly filters?: number;
  /** @default 3 */
  readonly kernel?: number;
  /** @default 'Conv2D' */
  readonly op?: 'Conv2D' | 'DepthwiseConv2dNative';
  readonly bias?: boolean;
  /** Adds batch normalization. */
  readonly norm?: boolean;
  /** Adds this operation at the end: `Relu`. */
  readonly activation?: string;
}

/** Builds canonical graphs by hand, so that plans are tested without a backend. Addresses are those that a trace would give. */
export interface GraphBuilder {
  input(name: string, shape: readonly number[]): ValueId;
  variable(name: string, shape: readonly number[]): ValueId;
  constant(shape: readonly number[], value?: number): ValueId;
  /** One node; returns its first result. */
  op(op: string, inputs: readonly ValueId[], options?: NodeOptions): ValueId;
  /** One node with several results. */
  split(op: string, input: ValueId, count: number, options?: NodeOptions): readonly ValueId[];
  /** A convolution of stride 1 that keeps the size, with all that a layer adds to it. Variables are `<scope>/kernel`, `<scope>/bias`. */
  conv(x: ValueId, scope: string, options?: ConvOptions): ValueId;
  /** A product with a `<scope>/kernel` of `[in, units]` and a bias. */
  dense(x: ValueId, scope: string, units: number): ValueId;
  shapeOf(value: ValueId): readonly number[];
  build(outputs: readonly ValueId[]): ModelGraph;
}

const TRACE_BATCH = 2;

/** An empty graph. */
export function graphBuilder(): GraphBuilder {
  const values: GraphValue[] = [];
  const nodes: GraphNode[] = [];
  const inputs: ValueId[] = [];
  const counts = new Map<string, number>();
  const add = (value: Omit<GraphValue, 'id' | 'shape'>): ValueId => {
    const followsBatch = value.kind === 'input' || value.kind === 'activation';
    const shape = value.traceShape.map((size, axis) => (axis === 0 && followsBatch ? null : size));
    return values.push({ id: values.length, shape, ...value }) - 1;
  };
  const leaf = (name: string, kind: ValueKind, traceShape: readonly number[]): ValueId => add({ name, kind, traceShape, dtype: 'float32' });
  const shapeOf = (value: ValueId): readonly number[] => values[value]?.traceShape ?? [];
  const address = (scope: string, op: string): string => {
    const count = counts.get(`${scope} ${op}`) ?? 0;
    counts.set(`${scope} ${op}`, count + 1);
    return scope === '' ? `${op}_${count}` : `${scope}/${op}_${count}`;
  };
  const append = (op: string, operands: readonly ValueId[], options: NodeOptions): readonly ValueId[] => {
    const { scope = '', shapes = [shapeOf(operands[0] ?? 0)], attrs = {}, insertable = true, dtype = 'float32' } = options;
    const id = nodes.length;
    const name = address(scope, op);
    const results = shapes.map((traceShape, output) =>
      add({ name: `${name}:${output}`, kind: 'activation', traceShape, dtype, producer: id, output }),
    );
    const inputNames = [...(options.inputNames ?? operands.map((_, port) => String(port)))];
    nodes.push({ id, name, op, scope, inputs: operands, outputs: results, attrs: { ...attrs, inputNames }, batchAttrs: {}, insertable });
    return results;
  };
  const builder: GraphBuilder = {
    input: (name, shape) => {
      const value = leaf(name, 'input', shape);
      inputs.push(value);
      return value;
    },
    variable: (name, shape) => leaf(name, 'variable', shape),
    constant: (shape, value = 1) => {
      const size = shape.reduce((total, each) => total * each, 1);
      const data = { shape, dtype: 'float32' as const, data: new Float32Array(size).fill(value) };
      return add({ name: `const_${values.length}`, kind: 'constant', traceShape: shape, dtype: 'float32', data });
    },
    op: (op, operands, options = {}) => append(op, operands, options)[0] as ValueId,
    split: (op, input, count, options = {}) =>
      append(op, [input], { shapes: Array.from({ length: count }, () => shapeOf(input)), ...options }),
    conv: (x, scope, options = {}) => convLayer(builder, x, scope, options),
    dense: (x, scope, units) => {
      const kernel = leaf(`${scope}/kernel`, 'variable', [shapeOf(x).at(-1) ?? 1, units]);
      const shapes = [[...shapeOf(x).slice(0, -1), units]];
      const product = builder.op('MatMul', [x, kernel], { scope, shapes, inputNames: ['a', 'b'] });
      return builder.op('Add', [product, leaf(`${scope}/bias`, 'variable', [units])], { scope, insertable: false });
    },
    shapeOf,
    build: (outputs) => ({ nodes, values, inputs, outputs, traceBatch: TRACE_BATCH }),
  };
  return builder;
}

function convLayer(builder: GraphBuilder, x: ValueId, scope: string, options: ConvOptions): ValueId {
  const { filters = 4, kernel = 3, op = 'Conv2D' } = options;
  const shape = builder.shapeOf(x);
  const channels = shape.at(-1) ?? 1;
  const depthwise = op !== 'Conv2D';
  const weights = builder.variable(`${scope}/kernel`, [kernel, kernel, channels, depthwise ? 1 : filters]);
  const shapes = [[...shape.slice(0, -1), depthwise ? channels : filters]];
  let y = builder.op(op, [x, weights], { scope, shapes, inputNames: ['x', 'filter'] });
  const perChannel = (name: string): ValueId => builder.variable(`${scope}/${name}`, [shapes[0]?.at(-1) ?? 1]);
  if (options.bias === true) y = builder.op('Add', [y, perChannel('bias')], { scope, insertable: false });
  if (options.norm === true) {
    const statistics = ['moving_mean', 'moving_variance', 'beta', 'gamma'].map(perChannel);
    y = builder.op('FusedBatchNorm', [y, ...statistics], {
      scope: `${scope}.bn`,
      inputNames: ['x', 'mean', 'variance', 'offset', 'scale'],
    });
  }
  return options.activation === undefined ? y : builder.op(options.activation, [y], { scope: `${scope}.act` });
}
