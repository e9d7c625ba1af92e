import type { OnnxAttribute, OnnxDataType, TypedArray } from '@nncf/core';
import type { OnnxGraph, OnnxInitializer, OnnxNode } from '../../src/emit/onnx-graph.ts';
import { resolveOptions, type ResolvedOptions } from '../../src/options.ts';

/** A node written on one line: `node('Conv', ['x', 'w'], 'y', { … })`. */
export function node(op: string, inputs: readonly string[], output: string, attributes: Record<string, OnnxAttribute> = {}): OnnxNode {
  return { name: output, op, domain: op === 'FakeQuantize' ? 'org.openvinotoolkit' : '', inputs, outputs: [output], attributes };
}

/** A stored tensor. */
export function stored(name: string, shape: readonly number[], values: readonly number[], type: OnnxDataType = 'FLOAT'): OnnxInitializer {
  const data: TypedArray = type === 'FLOAT' ? Float32Array.from(values) : Int32Array.from(values);
  return { name, type, shape, data };
}

/** A model from the input `x` to the output `y`. */
export function graph(
  nodes: readonly OnnxNode[],
  constants: readonly OnnxInitializer[],
  shapes: { readonly x: readonly (number | string)[]; readonly y: readonly (number | string)[] },
): OnnxGraph {
  return {
    name: 'hand-made',
    nodes,
    initializers: new Map(constants.map((constant) => [constant.name, constant])),
    inputs: [{ name: 'x', type: 'FLOAT', shape: shapes.x }],
    outputs: [{ name: 'y', type: 'FLOAT', shape: shapes.y }],
    domains: new Map([
      ['', 17],
      ['org.openvinotoolkit', 1],
    ]),
  };
}

/** Default options. */
export const defaults: ResolvedOptions = resolveOptions({});
