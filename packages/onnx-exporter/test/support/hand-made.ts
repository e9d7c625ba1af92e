import * as tf from '@tensorflow/tfjs-core';
import type { OnnxAttribute, OnnxDataType, TypedArray } from '@nncf/core';
import type { OnnxGraph, OnnxInitializer, OnnxNode } from '../../src/emit/onnx-graph.ts';
import { encodeModel } from '../../src/proto/encode-model.ts';
import { largestDifference, runOnnx } from './export-case.ts';
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

interface Shapes {
  readonly x: readonly (number | string)[];
  readonly y: readonly (number | string)[];
}

/** A model from the input `x` to the output `y`. */
export function graph(nodes: readonly OnnxNode[], constants: readonly OnnxInitializer[], shapes: Shapes): OnnxGraph {
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

/** The operations of a model, in order. */
export const ops = (model: OnnxGraph): string[] => model.nodes.map(({ op }) => op);

/** What a model stores, by name. */
export const constants = (model: OnnxGraph): Record<string, number[]> =>
  Object.fromEntries([...model.initializers].map(([name, { data }]) => [name, [...data]]));

/** Runs two models on the same input, given or random, and returns by how much they differ. */
export async function difference(a: OnnxGraph, b: OnnxGraph, input: number[] | tf.Tensor): Promise<number> {
  const x = input instanceof tf.Tensor ? input : tf.randomNormal(input);
  const standard = (model: OnnxGraph): OnnxGraph => ({ ...model, domains: new Map([['', 17]]) });
  return largestDifference(await runOnnx(encodeModel(standard(a)), [x]), await runOnnx(encodeModel(standard(b)), [x]));
}

/** Shapes of a model on rows of two, and of a convolution. */
export const flat: Shapes = { x: ['N', 2], y: ['N', 2] };
export const picture: Shapes = { x: ['N', 2, 5, 5], y: ['N', 3, 5, 5] };
