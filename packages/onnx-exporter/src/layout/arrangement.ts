import type { OnnxTensor, TensorData } from '@nncf/core';
import * as tf from '@tensorflow/tfjs-core';
import { readTensor, tensorOf } from '../prepare/tensor-contents.ts';
import type { Layout } from './layout.ts';
import { broadcastData, elementsOf, transposeData } from './transpose-data.ts';

/** How a constant is laid out in the file. */
export interface Arrangement {
  /** TensorFlow axis of each axis after the transposition; axes of size 1 may be left out. */
  readonly axes: Layout;
  /** Shape that neighbouring axes are merged to afterwards: `[C·M, 1, H, W]` for a depthwise filter. */
  readonly merged?: readonly number[];
}

/** Axes of size 1 put in front until the shape has the rank. */
export function widenShape(shape: readonly number[], rank: number): readonly number[] {
  return [...Array.from({ length: Math.max(rank - shape.length, 0) }, () => 1), ...shape];
}

/** From this many elements on the backend transposes faster than a loop here. */
const LARGE = 2 ** 16;

/** Lays a tensor out. */
export function arrangeTensor(contents: TensorData, { axes, merged }: Arrangement): TensorData {
  const { shape, data } = contents;
  const isLarge = data.length >= LARGE && axes.length === shape.length;
  return {
    ...contents,
    data: isLarge ? readTensor(() => tf.transpose(tensorOf(contents), [...axes])).data : transposeData(data, shape, axes),
    shape: merged ?? axes.map((axis) => shape[axis] ?? 1),
  };
}

/**
 * Lays a parameter that broadcasts against a tensor out like the tensor. Where axes are merged, the parameter is
 * repeated along those of them on which it has size 1, unless it has size 1 on all.
 *
 * @param shape of the tensor, in TensorFlow's layout
 */
export function arrangeParameter(parameter: OnnxTensor, shape: readonly number[], { axes, merged }: Arrangement): OnnxTensor {
  const own = widenShape(parameter.shape, shape.length);
  const transposed = transposeData(parameter.data, own, axes);
  const sizes = axes.map((axis) => own[axis] ?? 1);
  if (merged === undefined) return { data: transposed, shape: sizes };
  const groups = mergedGroups(
    axes.map((axis) => shape[axis] ?? 1),
    merged,
  );
  const wanted = groups.map(({ start, full }) => {
    const part = sizes.slice(start, start + full.length);
    return part.every((size) => size === 1) ? part : full;
  });
  return {
    data: broadcastData(transposed, sizes, wanted.flat()),
    shape: wanted.map(elementsOf),
  };
}

/** Which axes each merged axis is made of; axes of size 1 join the next one that is wider. */
function mergedGroups(
  sizes: readonly number[],
  merged: readonly number[],
): readonly { readonly start: number; readonly full: readonly number[] }[] {
  let at = 0;
  return merged.map((size, i) => {
    const start = at;
    let product = 1;
    while (at < sizes.length && (product < size || i === merged.length - 1)) product *= sizes[at++] ?? 1;
    return { start, full: sizes.slice(start, at) };
  });
}
