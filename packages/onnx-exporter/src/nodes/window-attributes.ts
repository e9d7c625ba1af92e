import type { GraphNode, OnnxNodeOptions } from '@nncf/core';
import { badAttribute, unsupportedUse } from '../errors.ts';
import { windowOutput, windowPadding, type Padding, type PaddingRule, type WindowAxis } from '../layout/window.ts';
import { perAxisAttribute, stringAttribute } from '../prepare/attributes.ts';

/** Geometry of a convolution or pooling over the axes between batch and channels. */
export interface WindowGeometry {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements before every axis, then elements behind every axis. */
  readonly pads: readonly number[];
}

/** Sizes along the spatial axes: all but the first and the last. */
export function spatialSizes(sizes: readonly number[]): readonly number[] {
  return sizes.slice(1, -1);
}

/**
 * Reads strides, dilations and padding of a node.
 *
 * @param kernel sizes of the window
 * @param input spatial sizes of what the window slides over
 * @param output spatial sizes of what comes out
 */
export function windowGeometry(
  node: GraphNode,
  kernel: readonly number[],
  input: readonly number[],
  output: readonly number[],
): WindowGeometry {
  const count = kernel.length;
  const strides = perAxisAttribute(node, 'strides', count, [1]);
  const dilations = perAxisAttribute(node, 'dilations', count, [1]);
  const rules = paddingRules(node, count);
  const paddings = kernel.map((size, i) => {
    const axis = {
      input: input[i] ?? 1,
      output: output[i] ?? 1,
      kernel: size,
      stride: strides[i] ?? 1,
      dilation: dilations[i] ?? 1,
    };
    return checkedPadding(node, axis, rules[i] ?? 'valid');
  });
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
  return { kernel, strides, dilations, pads };
}

// TensorFlow.js sizes a window of unequal sides with a padding number by its height alone; ONNX has no such output.
function checkedPadding(node: GraphNode, axis: WindowAxis, rule: PaddingRule): Padding {
  const padding = windowPadding(axis, rule);
  if (windowOutput(axis, padding) !== axis.output) throw unsupportedUse(node, `no padding makes ${axis.input} elements ${axis.output}`);
  return padding;
}

/** The geometry as ONNX's attributes. */
export function windowAttributes({ kernel, strides, dilations, pads }: WindowGeometry): NonNullable<OnnxNodeOptions['attributes']> {
  return {
    kernel_shape: { ints: kernel },
    strides: { ints: strides },
    dilations: { ints: dilations },
    pads: { ints: pads },
  };
}

/** Refuses nodes whose tensors are not in TensorFlow's own layout. */
export function isChannelsLast(node: GraphNode): boolean {
  return !stringAttribute(node, 'dataFormat', 'NHWC').startsWith('NC');
}

function paddingRules(node: GraphNode, count: number): readonly PaddingRule[] {
  const pad: unknown = node.attrs['pad'];
  if (pad === 'same' || pad === 'valid') return Array.from({ length: count }, () => pad);
  if (typeof pad === 'number') return Array.from({ length: count }, () => [pad, pad] as const);
  if (!Array.isArray(pad)) throw badAttribute(node, 'pad', '`same`, `valid`, a number or pairs');
  // Explicit padding lists all axes, batch and channels too.
  return pad.slice(1, count + 1).map((pair: unknown) => {
    if (!Array.isArray(pair)) throw badAttribute(node, 'pad', 'pairs of numbers');
    return [Number(pair[0]), Number(pair[1])] as const;
  });
}
