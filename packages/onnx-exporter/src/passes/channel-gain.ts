import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';
import { elementsOf } from '../layout/transpose-data.ts';

/** A factor for every channel of a weight. */
export interface ChannelGain {
  readonly gain: Float32Array;
  /** Axis of the channels in the weight. */
  readonly axis: number;
}

/** A weight that was multiplied. */
export interface ScaledWeight {
  /** ONNX value to read. */
  readonly name: string;
  /** Nodes that make it. */
  readonly nodes: readonly OnnxNode[];
}

/** A stretch of a row-major weight that belongs to one channel. */
export interface ChannelRun {
  readonly channel: number;
  readonly start: number;
  readonly end: number;
}

/** The stretches of a row-major weight in order: weights have millions of elements, so channels are not looked up for each. */
export function channelRuns({ axis }: ChannelGain, shape: readonly number[]): readonly ChannelRun[] {
  const inner = elementsOf(shape.slice(axis + 1));
  const count = shape[axis] ?? 1;
  const outer = elementsOf(shape.slice(0, axis));
  return Array.from({ length: outer * count }, (_, i) => ({ channel: i % count, start: i * inner, end: (i + 1) * inner }));
}

/** Element of a parameter that is one for all channels, or one for each. */
export function parameterAt({ data }: Pick<OnnxInitializer, 'data'>, channel: number): number {
  return data[data.length === 1 ? 0 : channel] ?? 0;
}

/** A copy of a node with other inputs and attributes, and a name of its own. */
export function copyOf(node: OnnxNode, inputs: readonly string[], attributes: OnnxNode['attributes'] = {}): ScaledWeight {
  // The second input is a range or a scale that was stored for this copy alone, so its name is unique.
  const name = `${node.name}/${inputs[1] ?? ''}`;
  const output = `${name}:0`;
  return { name: output, nodes: [{ ...node, name, inputs, outputs: [output], attributes: { ...node.attributes, ...attributes } }] };
}
