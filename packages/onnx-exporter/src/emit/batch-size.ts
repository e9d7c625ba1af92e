import type { GraphValue, ModelGraph, TensorData } from '@nncf/core';
import { batchOutOfReach } from '../errors.ts';
import { plainLayout, type Sizes } from '../layout/layout.ts';
import { emptyLike, elementsOf } from '../layout/transpose-data.ts';
import { ComputedValue, StoredValue, type FileValue } from './file-value.ts';
import type { GraphBuilder } from './graph-builder.ts';

/** An INT64 vector of sizes, those that follow the batch computed from the size of an input. */
export function sizeVector(builder: GraphBuilder, graph: ModelGraph, sizes: Sizes, traced: readonly number[]): string {
  if (!sizes.includes(null)) return builder.constant(traced, [traced.length], 'INT64');
  const parts = sizes.map((size, axis) =>
    size === null ? batchMultiple(builder, graph, traced[axis] ?? 1) : builder.constant([size], [1], 'INT64'),
  );
  return parts.length === 1 ? (parts[0] ?? '') : builder.once('Concat', parts, { axis: { int: 0 } });
}

/** Size of the batch times `traced / traceBatch`, a vector of one. */
function batchMultiple(builder: GraphBuilder, graph: ModelGraph, traced: number): string {
  const batch = batchSize(builder, graph);
  const factor = traced / graph.traceBatch;
  if (factor === 1) return batch;
  return builder.once('Mul', [batch, builder.constant([factor], [1], 'INT64')]);
}

function batchSize(builder: GraphBuilder, graph: ModelGraph): string {
  for (const id of graph.inputs) {
    const input = graph.values[id];
    if (input?.shape[0] !== null || input.traceShape[0] !== graph.traceBatch) continue;
    return builder.once('Shape', [builder.inputName(id)], { start: { int: 0 }, end: { int: 1 } });
  }
  throw batchOutOfReach();
}

/**
 * A constant that the model makes anew for every batch size, such as the zeros that a recurrent layer starts from. All
 * samples have the same contents; the file repeats one of them.
 *
 * @throws NncfError `EXPORT_UNSUPPORTED` when samples differ
 */
export function batchConstant(builder: GraphBuilder, graph: ModelGraph, value: GraphValue, data: TensorData): FileValue {
  const axis = value.shape.indexOf(null);
  const sample = firstSample(data, axis);
  if (sample === undefined) throw batchOutOfReach(value.name);
  const stored = new StoredValue(builder, sample).in(plainLayout(value.shape.length));
  const sizes = sizeVector(builder, graph, value.shape, value.traceShape);
  const name = builder.once('Expand', [stored, sizes]);
  return new ComputedValue(builder, name, value.shape, plainLayout(value.shape.length));
}

/** The tensor cut to size 1 along an axis; undefined when it is not the same all along. */
function firstSample({ data, shape, dtype }: TensorData, axis: number): TensorData | undefined {
  const inner = elementsOf(shape.slice(axis + 1));
  const count = shape[axis] ?? 1;
  const sample = emptyLike(data, data.length / count);
  for (let i = 0; i < data.length; i++) {
    const outer = Math.floor(i / (inner * count));
    const at = outer * inner + (i % inner);
    const isFirst = Math.floor(i / inner) % count === 0;
    if (isFirst) sample[at] = data[i] ?? 0;
    else if (sample[at] !== data[i]) return undefined;
  }
  return { data: sample, dtype, shape: shape.map((size, i) => (i === axis ? 1 : size)) };
}
