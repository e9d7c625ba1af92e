import type { GraphNode, OnnxTensor, TensorData } from '@nncf/core';
import type { Tensor } from '@tensorflow/tfjs-core';
import { arrangeParameter, arrangeTensor, widenShape, type Arrangement } from '../layout/arrangement.ts';
import { plainLayout, type Layout, type Sizes } from '../layout/layout.ts';
import { readTensor, tensorOf } from '../prepare/tensor-contents.ts';
import type { PlacedOperator } from '../prepare/operator-table.ts';
import { applyOperators, OperandView } from './apply-operators.ts';
import type { FileValue } from './file-value.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** What a weight is made of. */
export interface WeightSource {
  readonly contents: TensorData;
  /** Axis of the contents that each axis of the weight is, as its reader sees it; left out where they are the same. */
  readonly axes?: Layout | undefined;
  /** Name of its initializer. */
  readonly name: string | undefined;
  /** What the plan does to it where it is read. */
  readonly operators: readonly PlacedOperator[];
  readonly consumer: GraphNode;
}

/** A constant with operators on it: masks change its contents, grids become nodes of the file. */
export class WeightValue implements FileValue {
  readonly sizes: Sizes;
  readonly layout: Layout;
  readonly isStored: boolean = true;
  private readonly builder: GraphBuilder;
  private readonly source: WeightSource;
  private readonly grids: readonly PlacedOperator[];
  private readonly axes: Layout;
  private readonly made = new Map<string, string>();

  constructor(builder: GraphBuilder, source: WeightSource) {
    this.builder = builder;
    this.source = masked(source);
    this.grids = this.source.operators;
    const { shape } = this.source.contents;
    this.axes = source.axes ?? plainLayout(shape.length);
    this.sizes = this.axes.map((axis) => shape[axis] ?? 1);
    this.layout = plainLayout(this.sizes.length);
  }

  in(layout: Layout): string {
    return this.arranged({ axes: layout });
  }

  widened(rank: number): FileValue {
    const { contents } = this.source;
    const shape = widenShape(contents.shape, rank);
    const added = shape.length - contents.shape.length;
    const axes = [...plainLayout(added), ...this.axes.map((axis) => axis + added)];
    return new WeightValue(this.builder, { ...this.source, contents: { ...contents, shape }, axes });
  }

  /** Name of the ONNX value that has the weight in an arrangement. */
  arranged(arrangement: Arrangement): string {
    const key = JSON.stringify(arrangement);
    const name = this.made.get(key) ?? this.emit(arrangement);
    this.made.set(key, name);
    return name;
  }

  private emit(wanted: Arrangement): string {
    const { contents, name, consumer } = this.source;
    const arrangement = { ...wanted, axes: wanted.axes.map((axis) => this.axes[axis] ?? axis) };
    const weight = floats(arrangeTensor(contents, arrangement));
    const operand = new OperandView({
      name: () => this.builder.constant(weight.data, weight.shape, 'FLOAT', name),
      weight,
      shape: weight.shape,
      perm: arrangement.axes,
      arrange: (parameter: OnnxTensor) => arrangeParameter(parameter, contents.shape, arrangement),
      consumer,
    });
    return applyOperators(this.builder, this.grids, operand);
  }
}

/** The source with its masks applied. */
function masked(source: WeightSource): WeightSource {
  const masks = source.operators.filter(({ command }) => command.transform === 'mask');
  if (masks.length === 0) return source;
  const contents = readTensor(() =>
    masks.reduce<Tensor>((tensor, { operator }) => operator.apply(tensor, { training: false }), tensorOf(source.contents)),
  );
  const operators = source.operators.filter((placed) => !masks.includes(placed));
  return { ...source, contents, operators };
}

function floats({ data, shape }: TensorData): OnnxTensor {
  return { data: data instanceof Float32Array ? data : Float32Array.from(data), shape };
}
