import type { OnnxInitializer, OnnxNode } from '../emit/onnx-graph.ts';

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

/** Finds the channel of an element by its position in a row-major weight. */
export function channelIndex({ axis }: ChannelGain, shape: readonly number[]): (position: number) => number {
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const count = shape[axis] ?? 1;
  return (position) => Math.floor(position / inner) % count;
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
