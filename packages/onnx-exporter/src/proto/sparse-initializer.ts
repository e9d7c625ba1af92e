import type { onnx as Proto } from 'onnx-proto';
import type { OnnxInitializer } from '../emit/onnx-graph.ts';

/** Element types that runtimes read as sparse, and their bytes. */
const BYTES: Readonly<Partial<Record<OnnxInitializer['type'], number>>> = { FLOAT: 4, INT8: 1 };

/** A position is an int64. */
const POSITION_BYTES = 8;

/** Positions other than zero, in ascending order; undefined where storing values and positions takes as many bytes as storing everything. */
export function sparsePositions({ type, data }: OnnxInitializer): number[] | undefined {
  const bytes = BYTES[type];
  if (bytes === undefined) return undefined;
  const budget = (data.length * bytes) / (bytes + POSITION_BYTES);
  const positions: number[] = [];
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    positions.push(i);
    if (positions.length >= budget) return undefined;
  }
  return positions.length === 0 ? undefined : positions;
}

/** The standard's `SparseTensorProto` of a tensor, with positions in the flattened, row-major order. */
export function encodeSparse(
  initializer: OnnxInitializer,
  positions: readonly number[],
  encode: (initializer: OnnxInitializer) => Proto.ITensorProto,
): Proto.ISparseTensorProto {
  const { shape, data } = initializer;
  const count = positions.length;
  const values = Float32Array.from(positions, (position) => data[position] ?? 0);
  return {
    dims: [...shape],
    values: encode({ ...initializer, shape: [count], data: values }),
    indices: encode({ name: '', type: 'INT64', shape: [count], data: Int32Array.from(positions) }),
  };
}
