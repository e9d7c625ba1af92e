import type { OnnxDataType, TensorData } from '@nncf/core';
import { widenShape } from '../layout/arrangement.ts';
import { layoutSteps } from '../layout/convert-layout.ts';
import { completeLayout, plainLayout, sizesIn, wideAxes, type Layout, type Sizes } from '../layout/layout.ts';
import { transposeData } from '../layout/transpose-data.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** A tensor of the model as it stands in the file. */
export interface FileValue {
  /** Sizes along TensorFlow's axes. */
  readonly sizes: Sizes;
  /** Layout that operations which do not care should work in. */
  readonly layout: Layout;
  /** True for constants, which come in any layout at no cost. */
  readonly isStored: boolean;
  /** Contents, where they are known and nothing is done to them in the file. */
  readonly data?: TensorData;
  /** What is repeated along its axes of size 1, where the tensor is but that. */
  readonly narrow?: FileValue;
  /** Name of the ONNX value that has the tensor in a layout; made when it is asked for. */
  in(layout: Layout): string;
  /** The same tensor with axes of size 1 in front, as broadcasting adds them. */
  widened(rank: number): FileValue;
}

/** A tensor that a node of the file makes, or an input. */
export class ComputedValue implements FileValue {
  readonly sizes: Sizes;
  readonly layout: Layout;
  readonly isStored: boolean = false;
  private readonly builder: GraphBuilder;
  private readonly name: string;
  private readonly own: Layout;

  /** @param layout preferred layout, where that is another than the tensor's own */
  constructor(builder: GraphBuilder, name: string, sizes: Sizes, own: Layout, layout: Layout = own) {
    this.builder = builder;
    this.name = name;
    this.sizes = sizes;
    this.own = own;
    this.layout = layout;
  }

  in(layout: Layout): string {
    const { squeeze, transpose, unsqueeze } = layoutSteps(this.own, layout, this.sizes);
    const { builder } = this;
    const narrow = squeezeAxes(builder, this.name, squeeze);
    const turned = transpose === undefined ? narrow : builder.once('Transpose', [narrow], { perm: { ints: transpose } });
    return unsqueezeAxes(builder, turned, unsqueeze);
  }

  widened(rank: number): FileValue {
    const added = rank - this.sizes.length;
    if (added <= 0) return this;
    const shift = (layout: Layout): Layout => layout.map((axis) => axis + added);
    const sizes = [...Array.from({ length: added }, () => 1), ...this.sizes];
    return new ComputedValue(this.builder, this.name, sizes, shift(this.own), shift(this.layout));
  }
}

/** A tensor whose contents are stored in the file, in whatever layout is asked for. */
export class StoredValue implements FileValue {
  readonly sizes: Sizes;
  readonly layout: Layout;
  readonly isStored: boolean = true;
  readonly data: TensorData;
  private readonly builder: GraphBuilder;
  private readonly name: string | undefined;

  constructor(builder: GraphBuilder, data: TensorData, name?: string) {
    this.builder = builder;
    this.data = data;
    this.sizes = data.shape;
    this.layout = plainLayout(data.shape.length);
    this.name = name;
  }

  in(layout: Layout): string {
    const { data, shape, dtype } = this.data;
    return this.builder.constant(transposeData(data, shape, layout), sizesIn(layout, shape).map(Number), onnxType(dtype), this.name);
  }

  widened(rank: number): FileValue {
    const shape = widenShape(this.data.shape, rank);
    return new StoredValue(this.builder, { ...this.data, shape }, this.name);
  }
}

/** A tensor that repeats another one along axes of size 1. It is made only for readers that do not broadcast by themselves. */
export class RepeatedValue implements FileValue {
  readonly sizes: Sizes;
  readonly layout: Layout;
  readonly isStored: boolean = false;
  readonly narrow: FileValue;
  private readonly expand: (narrow: FileValue, layout: Layout) => string;

  /**
   * @param narrow of the same rank
   * @param expand writes the repetition in a layout and returns its name
   */
  constructor(narrow: FileValue, sizes: Sizes, expand: (narrow: FileValue, layout: Layout) => string) {
    this.narrow = narrow;
    this.sizes = sizes;
    this.expand = expand;
    this.layout = completeLayout(narrow.layout, wideAxes(plainLayout(sizes.length), sizes), sizes.length);
  }

  in(layout: Layout): string {
    return this.expand(this.narrow, layout);
  }

  widened(rank: number): FileValue {
    const added = rank - this.sizes.length;
    if (added <= 0) return this;
    const ones = Array.from({ length: added }, () => 1);
    const inner = (layout: Layout): Layout => layout.filter((axis) => axis >= added).map((axis) => axis - added);
    return new RepeatedValue(this.narrow.widened(rank), [...ones, ...this.sizes], (_, layout) => this.in(inner(layout)));
  }
}

/** ONNX's name of an element type of TensorFlow.js. */
export function onnxType(dtype: string): OnnxDataType {
  if (dtype === 'int32') return 'INT32';
  return dtype === 'bool' ? 'BOOL' : 'FLOAT';
}

/** Drops axes of size 1. */
function squeezeAxes(builder: GraphBuilder, name: string, axes: readonly number[]): string {
  if (axes.length === 0) return name;
  return builder.once('Squeeze', [name, int64s(builder, axes)]);
}

/** Adds axes of size 1. */
function unsqueezeAxes(builder: GraphBuilder, name: string, axes: readonly number[]): string {
  if (axes.length === 0) return name;
  return builder.once('Unsqueeze', [name, int64s(builder, axes)]);
}

function int64s(builder: GraphBuilder, values: readonly number[]): string {
  return builder.constant(values, [values.length], 'INT64');
}
